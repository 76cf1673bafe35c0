// SPDX-License-Identifier: MIT
/*
 * Proves the arithmetic on the bits of a chunk's pages, for every pattern of bits: the next free
 * and the next used page and the beginning of a run are right, setting and clearing a run changes
 * the run's bits and no others, and the best fit is free, aligned and in the shortest run.
 *
 * The search for the best fit visits every run. It is proved on chunks of one word of pages, of
 * which only the first twelve can be free.
 *
 * Unwind: 10
 * Unwind: prove_best_fit 8
 * Scale: prove_best_fit os/base.h s/PN_CHUNK_SHIFT 21/PN_CHUNK_SHIFT 18/
 * Mutation: prove_next_free chunk/pages.c s/<< \(at % 64\)\);$/<< (at % 63));/
 * Mutation: prove_next_used chunk/pages.c s/word \* 64 \+ \(size_t\)__builtin_ctzll/word * 32 + (size_t)__builtin_ctzll/
 * Mutation: prove_run_begin chunk/pages.c s/~bits\[word\] << \(64 - at % 64\)/~bits[word] << (63 - at % 64)/
 * Mutation: prove_set_bits chunk/pages.c s/end >= 64 \?/end > 64 ?/
 * Mutation: prove_clear_bits_tells chunk/pages.c s/were_set &= \(bits/were_set = (bits/
 * Mutation: prove_clear_bits chunk/pages.c s/bits\[word\] &= ~mask/bits[word] \&= mask/
 * Mutation: prove_best_fit chunk/pages.c s/first \+ count <= end &&/first + count <= end + 1 \&\&/
 */
#include "proof.h"

#include "chunk/pages.c"

static uint64_t bits[PN_PAGE_WORDS];

static void any_pattern(void)
{
	for (size_t i = 0; i < PN_PAGE_WORDS; i++)
		bits[i] = any_bits();
}

static bool is_free(size_t page)
{
	return bits[page / 64] >> page % 64 & 1;
}

void prove_next_free(void)
{
	size_t at = any_size_below(PN_CHUNK_PAGES + 1), found, other = any_size();

	any_pattern();
	found = next_free(bits, at);
	assert(found >= at && found <= PN_CHUNK_PAGES);
	assert(found == PN_CHUNK_PAGES || is_free(found));
	assume(other >= at && other < found);
	assert(!is_free(other));
}

void prove_next_used(void)
{
	size_t at = any_size_below(PN_CHUNK_PAGES + 1), found, other = any_size();

	any_pattern();
	found = next_used(bits, at);
	assert(found >= at && found <= PN_CHUNK_PAGES);
	assert(found == PN_CHUNK_PAGES || !is_free(found));
	assume(other >= at && other < found);
	assert(is_free(other));
}

void prove_run_begin(void)
{
	size_t at = any_size_below(PN_CHUNK_PAGES), begin, other = any_size();

	any_pattern();
	begin = run_begin(bits, at);
	assert(begin <= at);
	assert(!begin || !is_free(begin - 1));
	assume(other >= begin && other < at);
	assert(is_free(other));
}

void prove_set_bits(void)
{
	size_t first = any_size_below(PN_CHUNK_PAGES), count = any_size();
	size_t other = any_size_below(PN_CHUNK_PAGES);
	bool before;

	assume(count && count <= PN_CHUNK_PAGES - first);
	any_pattern();
	before = is_free(other);
	set_bits(bits, first, count);
	assert(is_free(other) == (before || (other >= first && other < first + count)));
}

void prove_clear_bits(void)
{
	size_t first = any_size_below(PN_CHUNK_PAGES), count = any_size();
	size_t other = any_size_below(PN_CHUNK_PAGES);
	bool before;

	assume(count && count <= PN_CHUNK_PAGES - first);
	any_pattern();
	before = is_free(other);
	clear_bits(bits, first, count);
	assert(is_free(other) == (before && !(other >= first && other < first + count)));
}

/* The result tells whether all pages were free before: here all are but one. */
void prove_clear_bits_tells(void)
{
	size_t first = any_size_below(PN_CHUNK_PAGES), count = any_size();
	size_t used = any_size_below(PN_CHUNK_PAGES);

	assume(count && count <= PN_CHUNK_PAGES - first);
	for (size_t i = 0; i < PN_PAGE_WORDS; i++)
		bits[i] = ~(uint64_t)0;
	bits[used / 64] &= ~((uint64_t)1 << used % 64);
	assert(clear_bits(bits, first, count) == !(used >= first && used < first + count));
}

void prove_best_fit(void)
{
	size_t count = 1 + any_size_below(PN_CHUNK_PAGES),
	       alignment = (size_t)1 << any_size_below(8);
	size_t first, length, other = any_size_below(PN_CHUNK_PAGES), aligned, end;

	any_pattern();
	assume(bits[0] < 1 << 12);
	first = best_fit(bits, count, alignment, &length);
	if (first != NONE) {
		size_t page = any_size();

		assert(first % alignment == 0);
		assert(count <= PN_CHUNK_PAGES && first <= PN_CHUNK_PAGES - count);
		assert(length >= count && length != NONE);
		assume(page >= first && page < first + count);
		assert(is_free(page));
	}
	/* No other run has room and is shorter. */
	assume(is_free(other) && (!other || !is_free(other - 1)));
	end = next_used(bits, other);
	aligned = pn_round_up(other, alignment);
	assume(aligned + count <= end);
	assert(first != NONE && length <= end - other);
}
