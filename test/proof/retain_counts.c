// SPDX-License-Identifier: MIT
/*
 * Proves the retain counts, from every valid state and table, and while other threads retain and
 * release: pn_retain() adds one or refuses with nothing changed, pn_retain_release() subtracts one,
 * exactly one caller gives the memory of a freed object back, and the count in the table agrees
 * with the state's bit.
 *
 * Other threads are modelled: before one exchange of a state, any of them, another thread retains
 * or releases the object once, but not the last count, which the caller or others own. The table
 * has one bucket or is missing, memory for further tables is refused, and there is a spare entry or
 * no memory for one.
 *
 * Unwind: 4
 * Mutation: prove_retain object/retain.c s/old - CARRIED_IN_STATE\) \|/old - CARRIED_IN_STATE + PN_RETAINED_ONCE) |/
 * Mutation: prove_retain object/retain.c s/count_of\(old\) == COUNT_MAX/count_of(old) > COUNT_MAX/
 * Mutation: prove_release object/retain.c s/unsigned int new = old \+ CARRIED_IN_STATE;/unsigned int new = old + CARRIED_IN_STATE \/ 2;/
 * Mutation: prove_release object/retain.c s/count == CARRIED\)/count == 2 * CARRIED)/
 * Mutation: prove_release object/retain.c s/old & PN_RETAINED_FREED \? PN_OBJECT_FREED : PN_OBJECT_LIVE/PN_OBJECT_LIVE/
 * Mutation: prove_free object/retain.c s/old \| PN_RETAINED_FREED\)\)/old))/
 */
#include "proof.h"

#include "os/lock.h"

static bool model_exchange(uint8_t *state, uint8_t *old, uint8_t new);

#define __atomic_compare_exchange_n(state, old, new, weak, success, failure) \
	model_exchange(state, old, new)
#define pn_lock(lock) ((void)0)
#define pn_unlock(lock) ((void)0)
#undef pn_lock_assert_held
#define pn_lock_assert_held(lock) ((void)0)
#include "object/retain.c"

struct pn_heap pn_heap;
struct pn_arena pn_arena;

static struct pn_slot slot;
static struct entry *the_buckets[1], the_entry, the_spare;
static struct pn_object object;
static int others_added, others_left = 1;
static bool has_died;

static uint8_t *state_of_object(void)
{
	return &slot.object;
}

static bool model_exchange(uint8_t *state, uint8_t *old, uint8_t new)
{
	bool is_equal;

	if (state == state_of_object() && others_left && any_bool()) {
		others_left--;
		if (pn_state_is_retained(*state)) {
			if (any_bool() && count_of(*state) < COUNT_MAX) {
				*state += PN_RETAINED_ONCE;
				others_added++;
			} else if (count_of(*state) > 2) {
				*state -= PN_RETAINED_ONCE;
				others_added--;
			}
		}
	}
	is_equal = *state == *old;
	if (is_equal)
		*state = new;
	else
		*old = *state;
	return is_equal;
}

/* What the library would get from the system. */
void *pn_sys_table(size_t size)
{
	(void)size;
	return NULL;
}

bool pn_sys_unmap(void *memory, size_t size)
{
	(void)memory;
	(void)size;
	return true;
}

void *pn_meta_alloc(size_t size)
{
	(void)size;
	return NULL;
}

void pn_die_freed(const char *function, const void *ptr)
{
	(void)function;
	(void)ptr;
	has_died = true;
	__CPROVER_assume(0);
}

/* The whole count: what is in the state, and what was carried into the table. */
static uint64_t total(void)
{
	uint64_t carried = bucket_count && *find_entry(object.offset)
				   ? (*find_entry(object.offset))->count
				   : 0;

	return pn_state_is_retained(slot.object) ? count_of(slot.object) + carried : 0;
}

/* The bit says whether the table has an entry, whose count is a multiple of CARRIED. */
static bool is_valid(void)
{
	const struct entry *entry = bucket_count ? *find_entry(object.offset) : NULL;

	if (!pn_state_is_retained(slot.object))
		return !entry;
	if (!(slot.object & PN_RETAINED_MORE))
		return !entry;
	return entry && entry->count && entry->count % CARRIED == 0;
}

static void any_state(void)
{
	slot.object = any_byte();
	object = (struct pn_object){ .slot = &slot, .heap = &pn_heap, .size = 64, .offset = 64 };
	slot.heap = &pn_heap;
	spare = any_bool() ? &the_spare : NULL;
	limit_bytes = any_bits();
	held_bytes = any_bits();
	assume(held_bytes >= object.size && held_bytes < (uint64_t)1 << 60);
	if (any_bool()) {
		buckets = the_buckets;
		bucket_count = 1;
	}
	if (bucket_count && any_bool()) {
		the_entry.offset = object.offset;
		the_entry.count = any_bits();
		assume(the_entry.count < (uint64_t)1 << 60);
		the_buckets[0] = &the_entry, the_spare;
		entry_count = 1;
	}
	assume(is_valid());
}

void prove_retain(void)
{
	uint64_t before;
	uint8_t old;
	int err;

	any_state();
	before = total();
	old = slot.object;
	err = pn_retain(&object);
	assert(is_valid());
	assert(total() == before + (uint64_t)others_added + !err);
	assert(err == 0 || err == ENOMEM || !pn_state_is_retained(old));
	assert(err != EFAULT || old != PN_OBJECT_LIVE);
	assert(!pn_state_is_retained(old) || (slot.object & 1) == (old & 1));
}

void prove_release(void)
{
	bool is_over;
	uint64_t before;
	uint8_t old;
	int err;

	any_state();
	before = total();
	old = slot.object;
	err = pn_retain_release(&object, &is_over);
	assert(is_valid());
	assert((err == EINVAL) == !pn_state_is_retained(old));
	assert(err || total() == before + (uint64_t)others_added - 1);
	assert(is_over == (!err && !total() && (old & PN_RETAINED_FREED)));
	assert(err || total() || slot.object == (is_over ? PN_OBJECT_FREED : PN_OBJECT_LIVE));
	assert(!err || slot.object == old);
}

void prove_free(void)
{
	uint64_t before;
	uint8_t old;
	bool is_held;

	any_state();
	before = total();
	old = slot.object;
	assume(old != PN_OBJECT_NEVER);
	is_held = pn_retain_free(&object);
	assert(!has_died && is_valid());
	assert(!pn_state_is_freed(old));
	assert(pn_state_is_freed(slot.object));
	assert(is_held == pn_state_is_retained(old));
	assert(total() == before + (uint64_t)others_added);
}
