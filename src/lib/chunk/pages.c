// SPDX-License-Identifier: MIT
/*
 * Page runs inside chunks. One bit for each page says whether the page is free. Chunks with free
 * pages are in lists by the length of their longest free run. The arena's lock covers the bits and
 * the lists.
 *
 * The allocation policy is best fit: chunks whose longest free run is short are searched first, and
 * within a chunk the shortest run that is long enough is taken. Long runs so remain for large
 * requests, and some chunks become empty.
 */
#include "chunk/pages.h"

#include "arena/space.h"
#include "chunk/idle.h"
#include "chunk/slots.h"

/* The most chunks of one list that are searched; the chunks in the next list have longer runs. */
#define TRIES 8

#define NONE SIZE_MAX

/* Bits. */

/* Returns the first free page from @at on or, if @flip is all ones, the first used page. */
static size_t next_bit(const uint64_t *bits, size_t at, uint64_t flip)
{
	size_t word = at / 64;
	uint64_t rest;

	if (at >= PN_CHUNK_PAGES)
		return PN_CHUNK_PAGES;
	rest = (bits[word] ^ flip) & (~(uint64_t)0 << (at % 64));
	while (!rest) {
		if (++word == PN_PAGE_WORDS)
			return PN_CHUNK_PAGES;
		rest = bits[word] ^ flip;
	}
	return word * 64 + (size_t)__builtin_ctzll(rest);
}

static size_t next_free(const uint64_t *bits, size_t at)
{
	return next_bit(bits, at, 0);
}

static size_t next_used(const uint64_t *bits, size_t at)
{
	return next_bit(bits, at, ~(uint64_t)0);
}

/* Returns the first page of the free run that contains @at. */
static size_t run_begin(const uint64_t *bits, size_t at)
{
	size_t word = at / 64;
	/* Used pages below @at, moved to the top. */
	uint64_t used = at % 64 ? ~bits[word] << (64 - at % 64) : 0;

	if (used)
		return at - (size_t)__builtin_clzll(used);
	for (at &= ~(size_t)63; at; at -= 64) {
		used = ~bits[at / 64 - 1];
		if (used)
			return at - (size_t)__builtin_clzll(used);
	}
	return 0;
}

/* Returns the bits of word @word that belong to a run. */
static uint64_t bits_in_word(size_t word, size_t first, size_t count)
{
	size_t begin = word * 64 < first ? first - word * 64 : 0;
	size_t end = first + count - word * 64;
	uint64_t below_end = end >= 64 ? ~(uint64_t)0 : ((uint64_t)1 << end) - 1;

	return below_end & (~(uint64_t)0 << begin);
}

static void set_bits(uint64_t *bits, size_t first, size_t count)
{
	for (size_t word = first / 64; word <= (first + count - 1) / 64; word++)
		bits[word] |= bits_in_word(word, first, count);
}

/* Return: true if all were set. */
static bool clear_bits(uint64_t *bits, size_t first, size_t count)
{
	bool were_set = true;

	for (size_t word = first / 64; word <= (first + count - 1) / 64; word++) {
		uint64_t mask = bits_in_word(word, first, count);

		were_set &= (bits[word] & mask) == mask;
		bits[word] &= ~mask;
	}
	return were_set;
}

/* Returns true if all of these pages are in use. */
PN_UNUSED_IN_RELEASE static bool are_used(const uint64_t *bits, size_t first, size_t count)
{
	for (size_t word = first / 64; word <= (first + count - 1) / 64; word++)
		if (bits[word] & bits_in_word(word, first, count))
			return false;
	return true;
}

static size_t longest_run(const uint64_t *bits)
{
	size_t longest = 0;

	for (size_t at = next_free(bits, 0), end; at < PN_CHUNK_PAGES; at = next_free(bits, end)) {
		end = next_used(bits, at);
		if (end - at > longest)
			longest = end - at;
	}
	return longest;
}

/*
 * Finds the shortest free run that contains @count aligned pages. Return: the first of these pages,
 * or NONE. *best_length is the length of the free run.
 */
static size_t best_fit(const uint64_t *bits, size_t count, size_t alignment, size_t *best_length)
{
	size_t best = NONE;

	*best_length = NONE;
	for (size_t at = next_free(bits, 0), end; at < PN_CHUNK_PAGES; at = next_free(bits, end)) {
		size_t first = pn_round_up(at, alignment);

		end = next_used(bits, at);
		if (first + count <= end && end - at < *best_length) {
			best = first;
			*best_length = end - at;
		}
	}
	return best;
}

/* Lists of chunks. */

static struct pn_slot_list *list_of(struct pn_heap *heap, size_t longest)
{
	return &heap->partial[63 - __builtin_clzll(longest)];
}

/* Stores the length of a chunk's longest run, and moves the chunk to its list; 0 means no list. */
static void set_longest(struct pn_heap *heap, size_t index, size_t longest)
{
	struct pn_slot *slot = &pn_arena.slots[index];
	struct pn_slot_list *before = slot->longest ? list_of(heap, slot->longest) : NULL;
	struct pn_slot_list *after = longest ? list_of(heap, longest) : NULL;

	pn_assert(slot->state == PN_SLOT_PAGES && slot->heap == heap);
	pn_assert_slow(longest == longest_run(slot->free) || longest == 0);
	slot->longest = (uint16_t)longest;
	if (before == after)
		return;
	if (before)
		pn_slot_list_remove(before, index);
	if (after)
		pn_slot_list_push(after, index);
}

/*
 * Marks free pages as used. @length is the length of the free run that contains the pages. Returns
 * true if nobody has used the pages before.
 */
static bool use_pages(struct pn_heap *heap, size_t index, size_t page, size_t count, size_t length)
{
	struct pn_slot *slot = &pn_arena.slots[index];
	bool were_free = clear_bits(slot->free, page, count);

	pn_assert(were_free && count && page + count <= PN_CHUNK_PAGES);
	if (length >= slot->longest)
		set_longest(heap, index, longest_run(slot->free));
	return clear_bits(slot->fresh, page, count);
}

static size_t new_chunk(struct pn_heap *heap)
{
	size_t index = pn_slots_take_one_locked(heap);
	struct pn_slot *slot;

	if (index == SIZE_MAX)
		return NONE;
	slot = &pn_arena.slots[index];
	pn_assert(slot->state == PN_SLOT_EMPTY && slot->heap == heap);
	pn_assert(slot->epoch == pn_arena.epoch);
	__atomic_store_n(&slot->state, (uint8_t)PN_SLOT_PAGES, __ATOMIC_RELAXED);
	pn_space_note_locked(index, 1, true);
	slot->object = PN_OBJECT_NEVER;
	for (size_t i = 0; i < PN_PAGE_WORDS; i++)
		slot->free[i] = ~(uint64_t)0;
	slot->longest = 0;
	return index;
}

static size_t find_in_list(const struct pn_slot_list *list, size_t count, size_t alignment,
			   size_t *page, size_t *length)
{
	uint32_t link = list->first;

	for (int i = 0; link && i < TRIES; i++, link = pn_arena.slots[link - 1].next) {
		const struct pn_slot *slot = &pn_arena.slots[link - 1];

		pn_assert(slot->state == PN_SLOT_PAGES && slot->epoch == pn_arena.epoch);
		pn_assert_slow(slot->longest == longest_run(slot->free));
		if (slot->longest < count)
			continue;
		*page = best_fit(slot->free, count, alignment, length);
		if (*page != NONE)
			return link - 1;
	}
	return NONE;
}

/* Finds a chunk with room, and the page in it, or takes a new one. Return: NONE without memory. */
static size_t find_chunk(struct pn_heap *heap, size_t count, size_t alignment, size_t *page,
			 size_t *length)
{
	for (size_t i = 63 - (size_t)__builtin_clzll(count); i < PN_PAGE_RUN_ORDERS; i++) {
		size_t index = find_in_list(&heap->partial[i], count, alignment, page, length);

		if (index != NONE)
			return index;
	}
	*page = 0;
	*length = PN_CHUNK_PAGES;
	return new_chunk(heap);
}

/* The interface. */

size_t pn_pages_take_locked(struct pn_heap *heap, size_t count, size_t alignment, bool *is_zeroed)
{
	size_t index, page, length;

	pn_arena_assert_held();
	pn_assert(count && count <= PN_CHUNK_PAGES && !(alignment & (alignment - 1)));
	pn_idle_look_locked(heap);
	index = find_chunk(heap, count, alignment, &page, &length);
	if (index == NONE)
		return SIZE_MAX;
	pn_assert(!(page % alignment));
	*is_zeroed = use_pages(heap, index, page, count, length);
	return index * PN_CHUNK_PAGES + page;
}

bool pn_pages_extend_locked(struct pn_heap *heap, size_t behind, size_t more)
{
	size_t index = behind / PN_CHUNK_PAGES, page = behind % PN_CHUNK_PAGES;
	struct pn_slot *slot = &pn_arena.slots[index];
	size_t end;

	pn_arena_assert_held();
	pn_assert(pn_arena.slots[(behind - 1) / PN_CHUNK_PAGES].state == PN_SLOT_PAGES);
	/* The run ends with its chunk if @page is 0. */
	if (!page || page + more > PN_CHUNK_PAGES || next_free(slot->free, page) != page)
		return false;
	end = next_used(slot->free, page);
	if (end < page + more)
		return false;
	use_pages(heap, index, page, more, end - page);
	return true;
}

void pn_pages_give_locked(struct pn_heap *heap, size_t first, size_t count)
{
	size_t index = first / PN_CHUNK_PAGES, page = first % PN_CHUNK_PAGES, length;
	struct pn_slot *slot = &pn_arena.slots[index];

	pn_arena_assert_held();
	pn_assert(slot->state == PN_SLOT_PAGES && slot->heap == heap);
	pn_assert(count && page + count <= PN_CHUNK_PAGES && are_used(slot->free, page, count));
	set_bits(slot->free, page, count);
	length = next_used(slot->free, page) - run_begin(slot->free, page);
	if (length == PN_CHUNK_PAGES) {
		set_longest(heap, index, 0);
		pn_idle_add_locked(heap, index);
	} else if (length > slot->longest) {
		set_longest(heap, index, length);
	}
	pn_assert_slow(slot->state != PN_SLOT_PAGES || slot->longest == longest_run(slot->free));
	pn_idle_look_locked(heap);
}
