// SPDX-License-Identifier: MIT
/*
 * Runs of pages inside chunks. A bit for each page says which are free; chunks
 * with free pages are in lists by the length of their longest free run. All under
 * the arena's lock.
 *
 * Of the free runs that are long enough the shortest is taken, and of the chunks
 * those with the shortest longest runs are looked at first: long runs stay for
 * who needs them, and chunks become empty.
 */
#include "pages.h"

#include "slots.h"

/* Chunks of one list that are looked at; the next list's runs are longer anyway. */
#define TRIES 8

#define NONE SIZE_MAX

/* Bits. */

/* The first page from @at on that is free, or with @flip all ones, that is not. */
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

/* The bits of @word that are in a run. */
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

/* The shortest run that holds @count aligned pages. Return: the first of these, or NONE. */
static size_t best_fit(const uint64_t *bits, size_t count, size_t alignment)
{
	size_t best = NONE, best_length = NONE;

	for (size_t at = next_free(bits, 0), end; at < PN_CHUNK_PAGES; at = next_free(bits, end)) {
		size_t first = pn_round_up(at, alignment);

		end = next_used(bits, at);
		if (first + count <= end && end - at < best_length) {
			best = first;
			best_length = end - at;
		}
	}
	return best;
}

/* Lists of chunks. */

static struct pn_slot_list *list_of(struct pn_heap *heap, size_t longest)
{
	return &heap->partial[63 - __builtin_clzll(longest)];
}

static void enlist(struct pn_heap *heap, size_t index)
{
	struct pn_slot *slot = &pn_arena.slots[index];

	slot->longest = (uint16_t)longest_run(slot->free);
	if (slot->longest)
		pn_slot_list_push(list_of(heap, slot->longest), index);
}

static void delist(struct pn_heap *heap, size_t index)
{
	struct pn_slot *slot = &pn_arena.slots[index];

	if (slot->longest)
		pn_slot_list_remove(list_of(heap, slot->longest), index);
}

static size_t new_chunk(struct pn_heap *heap)
{
	size_t index = pn_slots_take_one_locked(heap);
	struct pn_slot *slot;

	if (index == SIZE_MAX)
		return NONE;
	slot = &pn_arena.slots[index];
	__atomic_store_n(&slot->state, (uint8_t)PN_SLOT_PAGES, __ATOMIC_RELAXED);
	slot->was_large = false;
	for (size_t i = 0; i < PN_PAGE_WORDS; i++)
		slot->free[i] = ~(uint64_t)0;
	slot->longest = 0;
	return index;
}

static size_t find_in_list(const struct pn_slot_list *list, size_t count, size_t alignment,
			   size_t *page)
{
	uint32_t link = list->first;

	for (int i = 0; link && i < TRIES; i++, link = pn_arena.slots[link - 1].next) {
		const struct pn_slot *slot = &pn_arena.slots[link - 1];

		*page = slot->longest >= count ? best_fit(slot->free, count, alignment) : NONE;
		if (*page != NONE)
			return link - 1;
	}
	return NONE;
}

/* A chunk with room, out of its list. Return: NONE without memory. */
static size_t find_chunk(struct pn_heap *heap, size_t count, size_t alignment, size_t *page)
{
	size_t index;

	if (count < PN_CHUNK_PAGES) {
		for (size_t i = 63 - (size_t)__builtin_clzll(count); i < PN_RUN_ORDERS; i++) {
			index = find_in_list(&heap->partial[i], count, alignment, page);
			if (index != NONE) {
				delist(heap, index);
				return index;
			}
		}
	}
	*page = 0;
	return new_chunk(heap);
}

/* The interface. */

size_t pn_pages_take_locked(struct pn_heap *heap, size_t count, size_t alignment, bool *is_zeroed)
{
	size_t index, page;

	pn_slots_tidy_locked(heap);
	index = find_chunk(heap, count, alignment, &page);
	if (index != NONE) {
		clear_bits(pn_arena.slots[index].free, page, count);
		*is_zeroed = clear_bits(pn_arena.slots[index].fresh, page, count);
		enlist(heap, index);
		page += index * PN_CHUNK_PAGES;
	}
	return index == NONE ? SIZE_MAX : page;
}

bool pn_pages_extend_locked(struct pn_heap *heap, size_t behind, size_t more)
{
	size_t index = behind / PN_CHUNK_PAGES, page = behind % PN_CHUNK_PAGES;
	struct pn_slot *slot = &pn_arena.slots[index];

	/* A run that ends with its chunk. */
	if (!page || page + more > PN_CHUNK_PAGES)
		return false;
	if (next_free(slot->free, page) != page || next_used(slot->free, page) < page + more)
		return false;
	delist(heap, index);
	clear_bits(slot->free, page, more);
	clear_bits(slot->fresh, page, more);
	enlist(heap, index);
	return true;
}

void pn_pages_give_locked(struct pn_heap *heap, size_t first, size_t count)
{
	size_t index = first / PN_CHUNK_PAGES;
	struct pn_slot *slot = &pn_arena.slots[index];

	delist(heap, index);
	set_bits(slot->free, first % PN_CHUNK_PAGES, count);
	if (next_used(slot->free, 0) == PN_CHUNK_PAGES)
		pn_slots_emptied_locked(heap, index);
	else
		enlist(heap, index);
	pn_slots_tidy_locked(heap);
}
