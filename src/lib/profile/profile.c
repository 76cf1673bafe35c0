// SPDX-License-Identifier: MIT
/*
 * Sampling; see profile.h.
 *
 * The distances between samples are drawn from an exponential distribution, as in TCMalloc and
 * jemalloc. So an object of n bytes is sampled with the probability 1 - exp(-n / mean), whatever
 * was allocated before it, and whoever reads the profile can compute how many objects a sample
 * stands for.
 */
#include "profile/profile.h"

#include <string.h>

#include "os/meta.h"
#include "os/random.h"
#include "os/sys.h"
#include "os/watch.h"
#include "profile/callers.h"

#define LISTS 65536

/**
 * struct sample - an object that was sampled
 * @next: next in its list, or in the list of unused records
 * @object: the object's address
 * @size: bytes that were requested
 * @stack: call stack of the request
 */
struct sample {
	struct sample *next;
	const void *object;
	size_t size;
	struct pn_stack *stack;
};

bool pn_profile_is_on;

static struct sample **lists;
static struct sample *unused;
static size_t mean;
PN_WATCH_VARIABLE(profile_bytes, mean);
/* Bytes until the next sample. */
static int64_t left;

/* Random distances. */

/*
 * Returns the natural logarithm of @value, an integer of up to 53 bits, without libm: the sum of
 * the logarithm of a power of two, and that of the remaining factor from 1 to 2, by the series of
 * atanh.
 */
static double logarithm(uint64_t value)
{
	unsigned int power = 63 - (unsigned int)__builtin_clzll(value);
	double rest = (double)value / (double)((uint64_t)1 << power);
	double z = (rest - 1) / (rest + 1), term = z, sum = 0;

	for (int i = 1; i < 20; i += 2) {
		sum += term / i;
		term *= z * z;
	}
	return 2 * sum + power * 0.693147180559945309417;
}

/* Draws the number of bytes until the next sample, at least 1. */
static int64_t next_distance(void)
{
	uint64_t chance = (pn_random_next() >> 11) + 1;
	double distance = (53 * 0.693147180559945309417 - logarithm(chance)) * (double)mean;

	return distance < 1 ? 1 : distance > 0x1p60 ? (int64_t)1 << 60 : (int64_t)distance;
}

/* Counts @size bytes. Return: true if one of these bytes is sampled. */
static bool is_time(size_t size)
{
	int64_t before = __atomic_fetch_sub(&left, (int64_t)size, __ATOMIC_RELAXED);

	/*
	 * If @before is 0 or less, another thread has just reached the sample, and is about to
	 * store the next distance.
	 */
	if (before > (int64_t)size || before <= 0)
		return false;
	__atomic_store_n(&left, next_distance(), __ATOMIC_RELAXED);
	return true;
}

/* Samples. */

static struct sample **list_of(const void *object)
{
	return &lists[((uintptr_t)object >> 4) * 0x9e3779b97f4a7c15u >> 48 & (LISTS - 1)];
}

static struct sample *take_sample_locked(void)
{
	struct sample *sample = unused;

	pn_lock_assert_held(&pn_stacks_lock);
	if (!sample)
		return pn_meta_alloc(sizeof(*sample));
	unused = sample->next;
	return sample;
}

static void add(uint64_t *count, uint64_t value)
{
	__atomic_store_n(count, *count + value, __ATOMIC_RELAXED);
}

static void record_locked(const void *object, size_t size, struct pn_stack *stack)
{
	struct sample **list = list_of(object);
	struct sample *sample = take_sample_locked();

	pn_lock_assert_held(&pn_stacks_lock);
	if (!sample)
		return;
	*sample = (struct sample){ *list, object, size, stack };
	__atomic_store_n(list, sample, __ATOMIC_RELEASE);
	add(&stack->live_objects, 1);
	add(&stack->live_bytes, size);
	add(&stack->all_objects, 1);
	add(&stack->all_bytes, size);
}

/*
 * Records an object with its call stack. The unwinder may allocate; is_sampling keeps these
 * allocations from being sampled.
 */
static PN_NOINLINE void take_sample(const void *object, size_t size)
{
	uintptr_t callers[PN_STACK_DEPTH_MAX];
	struct pn_stack *stack;
	size_t depth;

	pn_lock_thread.is_sampling = true;
	depth = pn_callers_get(callers, PN_STACK_DEPTH_MAX);
	pn_lock(&pn_stacks_lock);
	stack = pn_stacks_find_locked(callers, depth);
	if (stack)
		record_locked(object, size, stack);
	pn_unlock(&pn_stacks_lock);
	pn_lock_thread.is_sampling = false;
}

void pn_profile_sample(const void *object, size_t size)
{
	if (!pn_lock_thread.is_sampling && is_time(size ? size : 1))
		take_sample(object, size ? size : 1);
}

static void drop_locked(struct sample **link)
{
	struct sample *sample = *link;

	pn_lock_assert_held(&pn_stacks_lock);
	pn_assert(sample->stack->live_objects && sample->stack->live_bytes >= sample->size);
	add(&sample->stack->live_objects, -(uint64_t)1);
	add(&sample->stack->live_bytes, -(uint64_t)sample->size);
	__atomic_store_n(link, sample->next, __ATOMIC_RELAXED);
	/* A forked child that sees the stores below must also see the store above. */
	pn_child_order_writes();
	sample->next = unused;
	unused = sample;
}

void pn_profile_forget(const void *object)
{
	struct sample **link = list_of(object);

	/*
	 * This look without the lock is safe: an object's sample is recorded before the program
	 * knows the object's address.
	 */
	if (!__atomic_load_n(link, __ATOMIC_RELAXED))
		return;
	pn_lock(&pn_stacks_lock);
	while (*link && (*link)->object != object)
		link = &(*link)->next;
	if (*link)
		drop_locked(link);
	pn_unlock(&pn_stacks_lock);
}

static bool is_of_heap(const struct sample *sample, const struct pn_heap *heap)
{
	return pn_arena.slots[pn_arena_offset(sample->object) >> PN_CHUNK_SHIFT].heap == heap;
}

void pn_profile_forget_heap(const struct pn_heap *heap)
{
	if (!pn_profile_is_on)
		return;
	if (!pn_lock_inside(&pn_stacks_lock))
		return;
	for (size_t i = 0; i < LISTS; i++)
		for (struct sample **link = &lists[i]; *link;) {
			if (is_of_heap(*link, heap))
				drop_locked(link);
			else
				link = &(*link)->next;
		}
	pn_unlock(&pn_stacks_lock);
}

void pn_profile_start(size_t bytes)
{
	if (!bytes)
		return;
	lists = pn_sys_table(LISTS * sizeof(struct sample *));
	if (!lists || !pn_stacks_init())
		return;
	mean = bytes;
	left = next_distance();
	pn_profile_is_on = true;
}

size_t pn_profile_bytes(void)
{
	return mean;
}

/*
 * The child keeps the parent's samples. If another thread was about to store the next distance at
 * the fork, the child draws one itself.
 */
void pn_profile_in_child(void)
{
	pn_lock_reset(&pn_stacks_lock);
	unused = NULL;
	if (pn_profile_is_on && __atomic_load_n(&left, __ATOMIC_RELAXED) <= 0)
		__atomic_store_n(&left, next_distance(), __ATOMIC_RELAXED);
}
