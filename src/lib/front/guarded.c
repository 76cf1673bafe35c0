// SPDX-License-Identifier: MIT
/*
 * Sampled guards; see guarded.h. Guarded objects are medium objects of a heap of their own, whose
 * pool leaves holes between chunks, and which keeps no idle chunk. A new object takes a slot beyond
 * those that were used last, so that the addresses of a freed object stay inaccessible for long.
 */
#include "front/guarded.h"

#include "chunk/limit.h"
#include "front/heaps.h"
#include "object/medium.h"
#include "os/confined.h"
#include "os/random.h"

/*
 * The most guarded objects that are live at a time: each takes a chunk. With a limit for the process's
 * memory, they take at most an eighth of that limit.
 */
#define OBJECTS_MAX 16
#define PART_OF_LIMIT 8

/* How many slots are used in turn; on 32-bit architectures, addresses are scarce. */
#define SLOTS (sizeof(void *) > 4 ? 512 : 4 * OBJECTS_MAX)

#define ALIGNMENT 16

uint32_t pn_guarded_every;

static __thread struct {
	uint32_t left;
	bool is_begun;
} thread __attribute__((tls_model("initial-exec")));

/* The heap, which is created for the first guarded object; NULL before. */
static struct pn_heap *heap;

/*
 * The first of the slots that are used in turn, and the arena's epoch plus 1 when @begin was set; 0
 * before. The arena's lock covers both variables.
 */
static size_t begin;
static uint32_t epoch;

/* Chooses how many objects to leave unguarded: from none to 2N - 1. */
static void begin_interval(void)
{
	thread.left = (uint32_t)pn_random_below(2 * (size_t)pn_guarded_n());
	thread.is_begun = true;
}

void pn_guarded_count(uint32_t count)
{
	if (!pn_guarded_n())
		return;
	if (!thread.is_begun)
		begin_interval();
	thread.left -= count < thread.left ? count : thread.left;
}

bool pn_guarded_ask(void)
{
	if (!thread.is_begun)
		begin_interval();
	return !thread.left;
}

static uint64_t most_objects(void)
{
	uint64_t part = pn_limit_get() / PART_OF_LIMIT;

	return part < OBJECTS_MAX ? part : OBJECTS_MAX;
}

/*
 * Returns the heap, and creates it if there is none; NULL if that fails. If two threads both create
 * a heap, then the second heap is not used.
 */
static struct pn_heap *get_heap(void)
{
	const struct pn_heap_options options = {
		.memory = pn_heap.pool.memory,
		.limit_chunks = most_objects(),
	};
	struct pn_heap *made, *none = NULL;

	made = __atomic_load_n(&heap, __ATOMIC_ACQUIRE);
	if (made || pn_confined_ask() || pn_heaps_create(&options, &made))
		return made;
	made->pool.has_guards = true;
	made->is_guarded = true;
	if (!__atomic_compare_exchange_n(&heap, &none, made, false, __ATOMIC_ACQ_REL,
					 __ATOMIC_ACQUIRE))
		return none;
	return made;
}

/* Lets the next search begin after the slot of @object, or at the first slot again. */
static void move_on(struct pn_heap *guarded, const void *object)
{
	size_t slot = pn_arena_offset(object) >> PN_CHUNK_SHIFT;

	pn_arena_lock();
	if (epoch != pn_arena.epoch + 1 || slot < begin) {
		epoch = pn_arena.epoch + 1;
		begin = slot;
	}
	guarded->hint = slot - begin < SLOTS ? slot + 1 : begin;
	pn_arena_unlock();
}

static void begin_again(struct pn_heap *guarded)
{
	pn_arena_lock();
	guarded->hint = 0;
	pn_arena_unlock();
}

void *pn_guarded_alloc(size_t size, bool *is_zeroed)
{
	struct pn_heap *guarded;
	void *object = NULL;

	begin_interval();
	if (size > PN_CHUNK_SIZE)
		return NULL;
	guarded = get_heap();
	if (!guarded)
		return NULL;
	object =
		pn_medium_alloc_at_end(guarded, pn_round_up(size ? size : 1, ALIGNMENT), is_zeroed);
	if (object)
		move_on(guarded, object);
	else
		begin_again(guarded);
	return object;
}
