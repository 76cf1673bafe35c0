// SPDX-License-Identifier: MIT
/*
 * Makes and removes the keys of registrars; see registrar.h. The arena's lock covers the list of
 * registrars, and the change of an entry from PN_KEY_NONE. A thread changes a key into PN_KEY_BUSY
 * by a compare-and-exchange, and then is the only one that removes this key.
 *
 * While a key is made, its slot is in the list of slots that threads work on (arena/work.h), and
 * the heap counts a leaving chunk. So the chunk is not given back and its heap is not destroyed,
 * even if the program frees the object against the rules. Therefore no entry of a LEAVING slot is
 * being made.
 *
 * A function of a registrar may allocate, free and fork. After a fork, the child continues here in
 * its parent's place, finds another epoch, and leaves the keys alone.
 */
#include "chunk/registrar.h"

#include <errno.h>
#include <limits.h>

#include "arena/work.h"
#include "chunk/heap.h"
#include "os/announce.h"
#include "os/child.h"
#include "os/sys.h"
#include "os/watch.h"

static struct pn_registrar *registrars;
static uint64_t key_failures;
PN_WATCH_VARIABLE(key_failures, key_failures);

/**
 * struct making - a key that is being made
 * @registrar: for whom
 * @heap: the heap of the slot
 * @work: the slot
 * @epoch: the epoch in which the making began
 */
struct making {
	struct pn_registrar *registrar;
	struct pn_heap *heap;
	struct pn_work work;
	uint32_t epoch;
};

uint64_t pn_registrars_failures(void)
{
	return __atomic_load_n(&key_failures, __ATOMIC_RELAXED);
}

static size_t size_of_registrar(void)
{
	return sizeof(struct pn_registrar) + pn_arena_slot_limit() * sizeof(uint64_t);
}

/*
 * Stores an entry. A signal handler may fork just before the store, when the child's table is
 * wiped already; a new child therefore stores PN_KEY_NONE again.
 */
static void set_entry(struct pn_registrar *registrar, size_t slot, uint64_t entry)
{
	__atomic_store_n(&registrar->keys[slot], entry, __ATOMIC_SEQ_CST);
	if (pn_unlikely(pn_child_is_new()))
		__atomic_store_n(&registrar->keys[slot], PN_KEY_NONE, __ATOMIC_RELEASE);
}

static uint32_t changes_of(const struct pn_registrar *registrar)
{
	return __atomic_load_n(&registrar->changes, __ATOMIC_ACQUIRE);
}

/* Wakes threads that wait for a change. */
static void note_change(struct pn_registrar *registrar)
{
	__atomic_add_fetch(&registrar->changes, 1, __ATOMIC_RELEASE);
	pn_sys_wake(&registrar->changes, INT_MAX);
}

static void begin_use_locked(struct pn_registrar *registrar)
{
	pn_arena_assert_held();
	registrar->users++;
}

/* After this, only the lock keeps the registrar from being unmapped. */
static void end_use_locked(struct pn_registrar *registrar)
{
	pn_arena_assert_held();
	pn_assert(registrar->users);
	registrar->users--;
	note_change(registrar);
}

/* Making keys. */

static bool is_in_use(const struct pn_slot *slot)
{
	return slot->epoch == pn_arena.epoch &&
	       (slot->state == PN_SLOT_PAGES || slot->state == PN_SLOT_LARGE ||
		slot->state == PN_SLOT_LARGE_TAIL || slot->state == PN_SLOT_RAW);
}

/*
 * Begins to make the key of a slot, unless there is one. Return: 0 with the key in *@entry;
 * EINPROGRESS if the caller is to make the key; EAGAIN if another thread makes or removes the key;
 * ECHILD; EFAULT.
 */
static int begin_making_locked(struct pn_registrar *registrar, size_t index, struct making *making,
			       uint64_t *entry)
{
	struct pn_slot *slot = &pn_arena.slots[index];

	pn_arena_assert_held();
	if (!registrar->functions.add)
		return ECHILD;
	if (!is_in_use(slot))
		return EFAULT;
	*entry = pn_registrar_entry(registrar, index);
	if (*entry != PN_KEY_NONE)
		return *entry == PN_KEY_BUSY ? EAGAIN : 0;
	*making = (struct making){
		.registrar = registrar,
		.heap = slot->heap,
		.work = { .first = index, .count = 1 },
		.epoch = pn_arena.epoch,
	};
	pn_work_begin_locked(&making->work);
	making->heap->leaving++;
	begin_use_locked(registrar);
	set_entry(registrar, index, PN_KEY_BUSY);
	return EINPROGRESS;
}

/* Stores the key, or that there is none. */
static void end_making_locked(struct making *making, uint64_t entry)
{
	struct pn_registrar *registrar = making->registrar;

	pn_arena_assert_held();
	if (entry == PN_KEY_NONE)
		__atomic_fetch_add(&key_failures, 1, __ATOMIC_RELAXED);
	else
		__atomic_fetch_add(&registrar->count, 1, __ATOMIC_RELAXED);
	set_entry(registrar, making->work.first, entry);
	pn_work_end_locked(&making->work);
	pn_assert(making->heap->leaving);
	making->heap->leaving--;
	end_use_locked(registrar);
}

/*
 * Calls the registrar's function. A key of which the table cannot contain the successor is removed
 * again. Return: 0, what the function returned, or EOVERFLOW.
 */
static int call_add(const struct making *making, uint64_t *entry)
{
	/* In a child that the function forks, the record is wiped. */
	const struct pn_registrar_functions functions = making->registrar->functions;
	void *chunk = pn_arena_slot_at(making->work.first);
	uint64_t key = PN_KEY_BUSY;
	int saved = errno, err;

	pn_assert(pn_announce_is_possible());
	*entry = PN_KEY_NONE;
	/* A signal handler has forked since the making began. */
	if (!functions.add)
		return ECHILD;
	pn_lock_thread.is_announcing = true;
	err = functions.add(functions.ctx, chunk, PN_CHUNK_SIZE, &key);
	if (!err && !pn_registrar_is_key(key + 1)) {
		functions.remove(functions.ctx, chunk, PN_CHUNK_SIZE, key);
		err = EOVERFLOW;
	}
	pn_lock_thread.is_announcing = false;
	errno = saved;
	if (!err)
		*entry = key + 1;
	return err;
}

static int make(struct making *making, uint64_t *entry)
{
	int err = call_add(making, entry);

	pn_child_settle();
	pn_arena_lock();
	if (making->epoch == pn_arena.epoch)
		end_making_locked(making, *entry);
	else
		err = ECHILD;
	pn_arena_unlock();
	return err;
}

int pn_registrar_make(struct pn_registrar *registrar, size_t slot, uint64_t *entry)
{
	struct making making;
	uint32_t changes;
	int err;

	if (!registrar->functions.add)
		return ECHILD;
	if (!pn_announce_is_possible())
		return EDEADLK;
	for (;;) {
		pn_child_settle();
		changes = changes_of(registrar);
		pn_arena_lock();
		err = begin_making_locked(registrar, slot, &making, entry);
		pn_arena_unlock();
		if (err != EAGAIN)
			break;
		pn_sys_wait(&registrar->changes, changes);
	}
	return err == EINPROGRESS ? make(&making, entry) : err;
}

/* Removing keys. */

/* Takes a key out of the table, to remove it. Waits for other threads. Return: the entry. */
static uint64_t take_key(struct pn_registrar *registrar, size_t slot)
{
	for (;;) {
		uint32_t changes = changes_of(registrar);
		uint64_t entry = pn_registrar_entry(registrar, slot);

		if (entry == PN_KEY_NONE)
			return entry;
		if (entry == PN_KEY_BUSY)
			pn_sys_wait(&registrar->changes, changes);
		else if (__atomic_compare_exchange_n(&registrar->keys[slot], &entry, PN_KEY_BUSY,
						     false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
			return entry;
	}
}

/* In a child that is forked meanwhile, the record is wiped, and stays so. */
static void remove_key(struct pn_registrar *registrar, size_t slot, uint64_t entry)
{
	const struct pn_registrar_functions functions = registrar->functions;
	int saved = errno;

	if (!functions.remove)
		return;
	pn_lock_thread.is_announcing = true;
	functions.remove(functions.ctx, pn_arena_slot_at(slot), PN_CHUNK_SIZE, entry - 1);
	pn_lock_thread.is_announcing = false;
	errno = saved;
	if (!registrar->functions.remove)
		return;
	__atomic_fetch_sub(&registrar->count, 1, __ATOMIC_RELAXED);
	set_entry(registrar, slot, PN_KEY_NONE);
	note_change(registrar);
}

static void forget(struct pn_registrar *registrar, size_t first, size_t count)
{
	for (size_t slot = first; slot < first + count; slot++) {
		uint64_t entry = take_key(registrar, slot);

		if (entry != PN_KEY_NONE)
			remove_key(registrar, slot, entry);
	}
}

void pn_registrars_forget(size_t first, size_t count, uint32_t epoch)
{
	struct pn_registrar *registrar;

	if (pn_likely(!__atomic_load_n(&registrars, __ATOMIC_ACQUIRE)))
		return;
	pn_child_settle();
	pn_arena_lock();
	registrar = epoch == pn_arena.epoch ? registrars : NULL;
	while (registrar) {
		begin_use_locked(registrar);
		pn_arena_unlock();
		forget(registrar, first, count);
		pn_child_settle();
		pn_arena_lock();
		if (epoch != pn_arena.epoch)
			break;
		end_use_locked(registrar);
		registrar = registrar->next;
	}
	pn_arena_unlock();
}

/* The registrars themselves. */

struct pn_registrar *pn_registrar_begin(int (*add)(void *, void *, size_t, uint64_t *),
					void (*remove)(void *, void *, size_t, uint64_t), void *ctx)
{
	size_t size = size_of_registrar();
	struct pn_registrar *registrar = pn_sys_table(size);

	if (!registrar)
		return NULL;
	if (!pn_sys_wipe_on_fork(registrar, size)) {
		pn_sys_unmap(registrar, size);
		return NULL;
	}
	registrar->functions = (struct pn_registrar_functions){ add, remove, ctx };
	pn_arena_lock();
	registrar->next = registrars;
	__atomic_store_n(&registrars, registrar, __ATOMIC_RELEASE);
	pn_arena_unlock();
	return registrar;
}

static void delist_locked(const struct pn_registrar *registrar)
{
	struct pn_registrar **link = &registrars;

	pn_arena_assert_held();
	while (*link && *link != registrar)
		link = &(*link)->next;
	if (*link)
		__atomic_store_n(link, registrar->next, __ATOMIC_RELEASE);
}

/*
 * The registrar stays in the list until it has no key, so that no chunk is given back before its
 * key is removed. It also stays while a thread is using it, because that thread reads its successor
 * in the list.
 */
int pn_registrar_end(struct pn_registrar *registrar)
{
	bool is_over = false;

	if (!pn_announce_is_possible())
		return EDEADLK;
	while (!is_over) {
		uint32_t changes = changes_of(registrar);

		forget(registrar, 0, pn_arena_slot_count());
		pn_child_settle();
		pn_arena_lock();
		is_over = !registrar->users &&
			  !__atomic_load_n(&registrar->count, __ATOMIC_RELAXED);
		if (is_over)
			delist_locked(registrar);
		pn_arena_unlock();
		if (!is_over)
			pn_sys_wait(&registrar->changes, changes);
	}
	pn_sys_unmap(registrar, size_of_registrar());
	return 0;
}

void pn_registrars_in_child(void)
{
	__atomic_store_n(&registrars, NULL, __ATOMIC_RELEASE);
}
