// SPDX-License-Identifier: MIT
/*
 * Thread caches: filling, emptying, growing and shrinking, birth with a thread's
 * first allocation and death with the thread.
 *
 * A bin's room begins small and doubles when the bin runs empty or full, within
 * what its thread may hold, and all threads together: who works with many objects
 * of a size soon does so without a lock. Now and then bins that had neither for
 * long give half of what they hold back, and their room. (The scheme is
 * TCMalloc's, as its design notes tell it.)
 *
 * No pthread key as a rule, because programs count on theirs. __cxa_thread_atexit_impl runs our
 * destructor before those of keys; what allocates or frees after that finds a
 * cache without room, and goes to the slabs each time. But it waits for the dynamic linker's lock,
 * which dlopen() holds while constructors run, and a constructor may wait for the new thread. So in
 * a process that has called dlopen(), one key tells of the ends of threads that begin later.
 *
 * The list of all caches is under one lock. A cache's content belongs to its
 * thread alone; pn_tcache_bytes() reads the counts of others as they go by.
 */
#include "front/tcache.h"

#include <pthread.h>
#include <string.h>

#include "front/harden.h"
#include "os/confined.h"
#include "os/lock.h"
#include "os/meta.h"
#include "os/probe.h"
#include "os/watch.h"
#include "profile/profile.h"

/* Bytes: of one bin, of a thread beyond its first rooms, of all threads beyond that. */
#define BIN_BYTES ((size_t)1 << 20)
#define THREAD_BYTES ((size_t)2 << 20)
#define ALL_BYTES ((size_t)64 << 20)

/* Programs build and tear down as many small objects as that. */
#define ROOM_MAX 32768
#define LONG_STACK 1024
#define FIRST_BYTES ((size_t)4 << 10)
#define BATCH_BYTES ((size_t)32 << 10)
#define BATCH_MAX 128
#define ONE_WAY_BYTES (2 * BATCH_BYTES)
#define GIVE_MAX 512

/* Medium objects of a bin that are looked at for one that fits. */
#define FITTING_TRIES 4

/* Slow paths between two looks for bins that are not used. */
#define MISSES 4096

/* Before a thread's first allocation, and after its destructor ran: no room. */
static struct pn_tcache no_cache_yet;
static struct pn_tcache no_cache_any_more;

__thread struct pn_tcache *pn_tcache __attribute__((tls_model("initial-exec"))) = &no_cache_yet;

/* See runtime.c for its place. */
static struct pn_lock lock = PN_LOCK_INIT;
static struct pn_tcache *all;
static struct pn_tcache *unused;
PN_WATCH_VARIABLE(tcaches, all);
/* Bytes that all threads' rooms make. */
static size_t granted;
static bool is_disabled;
static pthread_key_t key;
static bool has_key;

extern void *__dso_handle __attribute__((visibility("hidden")));
extern int __cxa_thread_atexit_impl(void (*destroy)(void *), void *argument, void *dso)
	__attribute__((weak));

/* Bins. */

static bool is_medium(unsigned int index)
{
	return index >= PN_BIN_MEDIUM;
}

/* The most that an object in the bin has; 0: a class that is not in use. */
static size_t object_bytes(unsigned int index)
{
	if (is_medium(index))
		return pn_medium_bin_pages(index - PN_BIN_MEDIUM) << PN_PAGE_SHIFT;
	return pn_classes[index].size;
}

static uint32_t within(size_t bytes, size_t size, uint32_t most)
{
	size_t count = bytes / size;

	return count < 1 ? 1 : count > most ? most : (uint32_t)count;
}

static uint32_t most_room(unsigned int index)
{
	size_t size = object_bytes(index);

	return size ? within(is_medium(index) ? 2 * BIN_BYTES : BIN_BYTES, size, ROOM_MAX) : 0;
}

/* Only the owner writes it, but pn_tcache_bytes() reads it. */
static void count_medium(struct pn_tcache *cache, size_t bytes)
{
	__atomic_store_n(&cache->medium_bytes, cache->medium_bytes + bytes, __ATOMIC_RELAXED);
}

static size_t medium_size(const void *object)
{
	return pn_slab_at(pn_arena_offset(object))->size;
}

/* In parts, so that other threads need not wait long for the class's lock. */
static void give_to_slabs(unsigned int index, const struct pn_free *objects, uint32_t count)
{
	while (count) {
		uint32_t some = count < GIVE_MAX ? count : GIVE_MAX;

		pn_slab_give(&pn_heap, index, objects, some);
		objects += some;
		count -= some;
	}
}

/* The oldest go: the newer are warm. */
static void flush_oldest(struct pn_tcache *cache, unsigned int index, uint32_t count)
{
	struct pn_bin *bin = &cache->bins[index];

	pn_assert(count <= bin->count && bin->count <= bin->room);
	pn_assert(bin->room <= cache->capacity[index]);
	if (is_medium(index)) {
		for (uint32_t i = 0; i < count; i++) {
			pn_assert(cache->medium_bytes >= medium_size(bin->objects[i].object));
			count_medium(cache, -medium_size(bin->objects[i].object));
			pn_medium_free(bin->objects[i].object);
		}
	} else {
		give_to_slabs(index, bin->objects, count);
	}
	pn_bin_set_count(bin, bin->count - count);
	memmove(bin->objects, bin->objects + count, bin->count * sizeof(*bin->objects));
}

/* Rooms. */

/* The bytes that the rooms of all bins make, which @granted counts. */
PN_UNUSED_IN_RELEASE static size_t bytes_of_rooms(const struct pn_tcache *cache)
{
	size_t bytes = 0;

	for (unsigned int i = 0; i < PN_BINS; i++)
		if (cache->bins[i].room)
			bytes += cache->bins[i].room * object_bytes(i);
	return bytes;
}

static void account(struct pn_tcache *cache, unsigned int index, uint32_t room)
{
	struct pn_bin *bin = &cache->bins[index];
	size_t bytes = ((size_t)room - bin->room) * object_bytes(index);

	pn_assert(bin->count <= room && room <= most_room(index));
	bin->room = room;
	cache->granted += bytes;
	pn_assert_slow(cache->granted == bytes_of_rooms(cache));
	if (cache->epoch == pn_arena.epoch)
		__atomic_fetch_add(&granted, bytes, __ATOMIC_RELAXED);
}

/*
 * Stacks begin short too, so that those of a thread that does little share a page or
 * two. A longer one replaces a shorter, which is lost: as much as there is of it in all.
 * A long one is as long as it may ever be: what is not used of it costs addresses alone.
 */
static bool lengthen_stack(struct pn_tcache *cache, unsigned int index, uint32_t room)
{
	struct pn_bin *bin = &cache->bins[index];
	struct pn_free *stack;

	if (room <= cache->capacity[index])
		return true;
	if (room > LONG_STACK)
		room = most_room(index);
	stack = pn_meta_alloc(room * sizeof(*stack));
	if (!stack)
		return false;
	if (bin->count)
		memcpy(stack, bin->objects, bin->count * sizeof(*stack));
	bin->objects = stack;
	cache->capacity[index] = (uint16_t)room;
	return true;
}

/* A bin ran full, or empty. Return: is that the other thing than last time? */
static bool turned(struct pn_tcache *cache, unsigned int index, bool is_full)
{
	bool has_turned = cache->was_full[index] != is_full;

	cache->was_full[index] = is_full;
	return has_turned;
}

/*
 * The first room is every bin's right. Who only allocates, or only frees what others
 * allocate, gains nothing by more than some batches' room; who does both in turn
 * does without slabs once all fits. Return: false if it stays as it is.
 */
static bool grow(struct pn_tcache *cache, unsigned int index, bool is_in_turn)
{
	struct pn_bin *bin = &cache->bins[index];
	size_t size = object_bytes(index), bytes;
	uint32_t most = most_room(index), room = 2 * bin->room;

	if (!bin->room)
		room = within(FIRST_BYTES, size, most);
	if (room > most)
		room = most;
	bytes = (room - bin->room) * size;
	if (room == bin->room || (!is_in_turn && bin->room * size >= ONE_WAY_BYTES))
		return false;
	if (bin->room && (cache->granted + bytes > THREAD_BYTES ||
			  __atomic_load_n(&granted, __ATOMIC_RELAXED) + bytes > ALL_BYTES))
		return false;
	if (!lengthen_stack(cache, index, room))
		return false;
	account(cache, index, room);
	return true;
}

static void shrink(struct pn_tcache *cache, unsigned int index)
{
	struct pn_bin *bin = &cache->bins[index];

	flush_oldest(cache, index, bin->count - bin->count / 2);
	if (bin->room / 2 >= bin->count && bin->room > 1)
		account(cache, index, bin->room / 2);
}

static void look_for_unused_bins(struct pn_tcache *cache)
{
	cache->misses = 0;
	for (unsigned int i = 0; i < PN_BINS; i++) {
		if (!cache->was_used[i] && cache->bins[i].room)
			shrink(cache, i);
		cache->was_used[i] = false;
	}
}

static void missed(struct pn_tcache *cache, unsigned int index)
{
	cache->was_used[index] = true;
	if (++cache->misses > MISSES)
		look_for_unused_bins(cache);
}

/* Return: true if there was something. */
static bool flush_all(struct pn_tcache *cache)
{
	bool was_any = false;

	for (unsigned int i = 0; i < PN_BINS; i++) {
		if (!cache->bins[i].count)
			continue;
		flush_oldest(cache, i, cache->bins[i].count);
		was_any = true;
	}
	return was_any;
}

/* Birth and death. */

static bool has_cache(void)
{
	return pn_tcache != &no_cache_yet && pn_tcache != &no_cache_any_more;
}

static void delist_locked(struct pn_tcache *cache)
{
	pn_lock_assert_held(&lock);
	pn_assert((cache->prev ? cache->prev->next : all) == cache);
	pn_assert(!cache->next || cache->next->prev == cache);
	if (cache->prev)
		cache->prev->next = cache->next;
	else
		all = cache->next;
	if (cache->next)
		cache->next->prev = cache->prev;
	cache->next = unused;
	unused = cache;
}

static void end(struct pn_tcache *cache)
{
	flush_all(cache);
	for (unsigned int i = 0; i < PN_BINS; i++)
		if (cache->bins[i].room)
			account(cache, i, 0);
	pn_assert(!cache->granted && !cache->medium_bytes);
	pn_lock(&lock);
	if (cache->epoch == pn_arena.epoch)
		delist_locked(cache);
	pn_unlock(&lock);
}

/* At the end of a thread, which may have another cache than the one that this was registered for. */
static void destroy(void *nothing)
{
	struct pn_tcache *cache = pn_tcache;
	bool is_left = has_cache();

	(void)nothing;
	pn_tcache = &no_cache_any_more;
	if (is_left)
		end(cache);
}

static struct pn_tcache *enlist_cache(void)
{
	struct pn_tcache *cache;

	pn_lock(&lock);
	cache = unused;
	if (cache)
		unused = cache->next;
	else
		cache = pn_meta_alloc(sizeof(*cache));
	if (cache) {
		cache->epoch = pn_arena.epoch;
		cache->prev = NULL;
		cache->next = all;
		if (all)
			all->prev = cache;
		all = cache;
	}
	pn_unlock(&lock);
	return cache;
}

/* Return: 0, or an error. */
static int register_end(void)
{
	/* A destructor is called for a value that is not NULL. */
	if (__atomic_load_n(&has_key, __ATOMIC_ACQUIRE) && !pthread_setspecific(key, &key))
		return 0;
	return __cxa_thread_atexit_impl(destroy, NULL, &__dso_handle);
}

void pn_tcache_expect_dlopen(void)
{
	static bool is_asked;

	if (!__atomic_exchange_n(&is_asked, true, __ATOMIC_RELAXED) &&
	    !pthread_key_create(&key, destroy))
		__atomic_store_n(&has_key, true, __ATOMIC_RELEASE);
}

/*
 * Registering allocates a record, by malloc: with the cache in place first, that
 * is an allocation like any other. Where the C library cannot tell of a thread's
 * end there is no cache, since what it holds would be lost; nor while there is a
 * profile, which must see every allocation.
 */
static void begin(void)
{
	static __thread bool is_registered __attribute__((tls_model("initial-exec")));
	struct pn_tcache *cache;

	if (pn_likely(pn_tcache != &no_cache_yet) || is_disabled || !__cxa_thread_atexit_impl)
		return;
	pn_confined_see_thread();
	cache = enlist_cache();
	if (!cache)
		return;
	pn_tcache = cache;
	if (is_registered)
		return;
	is_registered = true;
	if (register_end())
		destroy(NULL);
}

void pn_tcache_disable(void)
{
	is_disabled = true;
}

/*
 * The slow paths. A signal handler may fork, and settle the child, at any point of them, so each
 * looks the thread's cache up once.
 */

/* For one object more. Return: false if there is no memory for the bin's first stack. */
static bool make_room(struct pn_tcache *cache, unsigned int index)
{
	struct pn_bin *bin = &cache->bins[index];

	if (bin->count < bin->room)
		return true;
	missed(cache, index);
	if (grow(cache, index, turned(cache, index, true)))
		return true;
	if (!bin->room)
		return false;
	flush_oldest(cache, index, bin->room - bin->room / 2);
	return true;
}

static void *take_one(unsigned int class)
{
	struct pn_free taken;

	if (!pn_slab_take(&pn_heap, class, &taken, 1))
		return NULL;
	pn_harden_check(&taken);
	pn_free_set_live(&taken);
	return taken.object;
}

void *pn_tcache_refill(unsigned int class)
{
	struct pn_tcache *cache;
	struct pn_bin *bin;
	uint32_t batch;

	begin();
	if (!has_cache())
		return take_one(class);
	cache = pn_tcache;
	bin = &cache->bins[class];
	/* begin() may have allocated, and so filled it. */
	if (!bin->count) {
		missed(cache, class);
		grow(cache, class, turned(cache, class, false));
		if (!bin->room)
			return take_one(class);
		batch = within(BATCH_BYTES, pn_classes[class].size, BATCH_MAX);
		if (batch > bin->room)
			batch = bin->room;
		pn_bin_set_count(bin, (uint32_t)pn_slab_take(&pn_heap, class, bin->objects, batch));
		PN_PROBE3(refill, pn_classes[class].size, bin->count, bin->room);
	}
	return pn_bin_pop(bin);
}

/* One of a bin's newest that has @size bytes and not many more, made the newest. */
static bool find_fitting(struct pn_bin *bin, size_t size)
{
	uint32_t tries = bin->count < FITTING_TRIES ? bin->count : FITTING_TRIES;

	for (uint32_t i = 1; i <= tries; i++) {
		struct pn_free found = bin->objects[bin->count - i];
		size_t has = medium_size(found.object);

		if (has < size || has > size + size / 4)
			continue;
		if (i > 1) {
			bin->objects[bin->count - i] = bin->objects[bin->count - 1];
			bin->objects[bin->count - 1] = found;
		}
		return true;
	}
	return false;
}

static void *pop_fitting(struct pn_tcache *cache, unsigned int index, size_t size)
{
	void *object;

	if (!find_fitting(&cache->bins[index], size))
		return NULL;
	object = pn_bin_pop(&cache->bins[index]);
	pn_assert(object && medium_size(object) >= size);
	pn_assert(cache->medium_bytes >= medium_size(object));
	count_medium(cache, -medium_size(object));
	return object;
}

void *pn_tcache_pop_medium(size_t size)
{
	unsigned int index = PN_BIN_MEDIUM + pn_medium_bin(pn_medium_pages(size));
	struct pn_tcache *cache = pn_tcache;
	void *object = pop_fitting(cache, index, size);

	return object || index + 1 == PN_BINS ? object : pop_fitting(cache, index + 1, size);
}

/* Return: the thread's cache, with room for one object more in a bin; NULL if it has none. */
static struct pn_tcache *cache_with_room(unsigned int index)
{
	struct pn_tcache *cache;

	begin();
	cache = pn_tcache;
	return has_cache() && make_room(cache, index) ? cache : NULL;
}

void pn_tcache_push_medium(struct pn_slab *object)
{
	unsigned int index = PN_BIN_MEDIUM + pn_medium_bin(object->pages);
	void *ptr = pn_arena_at(object->offset);
	struct pn_tcache *cache = pn_tcache;

	if (pn_unlikely(!pn_bin_push(&cache->bins[index], ptr, object->state))) {
		cache = cache_with_room(index);
		if (!cache || cache->epoch != object->epoch) {
			pn_medium_free(ptr);
			return;
		}
		pn_bin_push(&cache->bins[index], ptr, object->state);
	}
	count_medium(cache, object->size);
}

void pn_tcache_overflow(unsigned int index, void *object, uint8_t *state)
{
	struct pn_tcache *cache = cache_with_room(index);

	if (cache && cache->epoch == pn_slab_at(pn_arena_offset(object))->epoch)
		pn_bin_push(&cache->bins[index], object, state);
	else
		pn_slab_give(&pn_heap, index, &(struct pn_free){ object, state }, 1);
}

bool pn_tcache_flush(void)
{
	return flush_all(pn_tcache);
}

/* Figures and fork. */

static void add_to_census(struct pn_tcache_census *census, const struct pn_tcache *cache)
{
	census->caches++;
	census->medium_bytes += __atomic_load_n(&cache->medium_bytes, __ATOMIC_RELAXED);
	for (unsigned int i = 0; i < PN_CLASSES; i++)
		census->objects[i] += __atomic_load_n(&cache->bins[i].count, __ATOMIC_RELAXED);
}

void pn_tcache_count(struct pn_tcache_census *census)
{
	*census = (struct pn_tcache_census){ 0 };
	if (!pn_lock_inside(&lock))
		return;
	for (struct pn_tcache *cache = all; cache; cache = cache->next)
		add_to_census(census, cache);
	pn_unlock(&lock);
}

uint64_t pn_tcache_bytes(void)
{
	struct pn_tcache_census census;
	uint64_t bytes;

	pn_tcache_count(&census);
	bytes = census.medium_bytes;
	for (unsigned int i = 0; i < PN_CLASSES; i++)
		bytes += census.objects[i] * pn_classes[i].size;
	return bytes;
}

/*
 * The thread leaves its cache, too: what it holds is inherited. A signal handler may have forked while
 * the thread was at its cache, and then it goes on with the one that it has in hand. The thread's next
 * slow path makes it a new one.
 */
void pn_tcache_in_child(void)
{
	pn_lock_reset(&lock);
	all = NULL;
	unused = NULL;
	__atomic_store_n(&granted, 0, __ATOMIC_RELAXED);
	if (has_cache())
		pn_tcache = &no_cache_yet;
}
