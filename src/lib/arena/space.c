// SPDX-License-Identifier: MIT
/*
 * The tree of slots that hold nothing; see space.h. A leaf is a word with a bit for each of 64
 * slots. Each node contains the lengths of three gaps, which are runs of slots that hold nothing:
 * the gap with which the node's slots begin, the gap with which they end, and the longest one. A
 * search skips a node whose longest gap is too short, whatever the number of its slots.
 */
#include "arena/space.h"

#include <string.h>

#include "os/meta.h"

/* A node of level 0 is for one word, and a node of any other level for this many nodes below it. */
#define CHILDREN_SHIFT 3
#define CHILDREN ((size_t)1 << CHILDREN_SHIFT)

#define WORD_SHIFT 6
#define WORD_SLOTS ((size_t)1 << WORD_SHIFT)

/* The number of levels of the first tree, for 4096 slots, and of the largest one, for 2^21 slots. */
#define LEVELS_FIRST 3
#define LEVELS_MOST 6

/* How many words may have changed before their nodes are computed. */
#define STALE_MOST 8

#define NONE SIZE_MAX

/**
 * struct gaps - the lengths of the gaps among a node's slots; each says how much shorter the gap is
 *	than all slots of the node, so that zeros are right for a new node
 * @first: of the gap with which the slots begin
 * @last: of the gap with which the slots end
 * @longest: of the longest gap
 */
struct gaps {
	uint32_t first;
	uint32_t last;
	uint32_t longest;
};

/**
 * struct tree - the tree
 * @levels: number of levels; the top level has one node; 0 if there is no tree
 * @used: for each slot, a bit that is set if the slot holds something
 * @nodes: for each level, its nodes
 */
struct tree {
	unsigned int levels;
	uint64_t *used;
	struct gaps *nodes[LEVELS_MOST];
};

static struct tree tree;

/*
 * Words that have changed since their nodes were computed. Searches compute these nodes. So if an
 * object is allocated where another one was just freed, without a search, no node is computed.
 */
static size_t stale[STALE_MOST];
static size_t stale_count;

/* Returns how many slots a node of @level is for. */
static size_t slots_of_node(unsigned int level)
{
	return (size_t)1 << (WORD_SHIFT + level * CHILDREN_SHIFT);
}

/* Returns how many nodes @level has in a tree of @levels levels. */
static size_t count_nodes(unsigned int levels, unsigned int level)
{
	return (size_t)1 << ((levels - 1 - level) * CHILDREN_SHIFT);
}

/* Returns how many slots the tree is for. */
static size_t capacity(void)
{
	return tree.levels ? slots_of_node(tree.levels - 1) : 0;
}

/* Changing the tree. */

/* Makes the gaps of a node of @slots slots from their lengths. */
static struct gaps make_gaps(uint32_t slots, uint32_t first, uint32_t last, uint32_t longest)
{
	return (struct gaps){ slots - first, slots - last, slots - longest };
}

static struct gaps gaps_of_word(uint64_t used)
{
	uint32_t first, last, longest;

	if (!used)
		return (struct gaps){ 0 };
	first = (uint32_t)__builtin_ctzll(used);
	last = (uint32_t)__builtin_clzll(used);
	longest = first > last ? first : last;
	/* Removes the lowest used slots one by one, and looks at the gap after each. */
	for (used >>= first; used >>= 1;) {
		uint32_t gap = (uint32_t)__builtin_ctzll(used);

		if (gap > longest)
			longest = gap;
		used >>= gap;
	}
	return make_gaps(WORD_SLOTS, first, last, longest);
}

/* Replaces the gaps of a node. Return: true if they have changed. */
static bool set_gaps(struct gaps *node, struct gaps gaps)
{
	bool has_changed = node->first != gaps.first || node->last != gaps.last ||
			   node->longest != gaps.longest;

	*node = gaps;
	return has_changed;
}

/* Computes a node of a level above 0 from its children. Return: true if it has changed. */
static bool update_node(unsigned int level, size_t node)
{
	const struct gaps *child = &tree.nodes[level - 1][node * CHILDREN];
	uint32_t slots = (uint32_t)slots_of_node(level - 1), longest = 0, first = 0, gap = 0;

	for (uint32_t begin = 0; begin < CHILDREN * slots; begin += slots, child++) {
		/* @gap is the length of the gap that ends where the child begins. */
		uint32_t joined = gap + slots - child->first;

		if (gap == begin)
			first = joined;
		if (joined > longest)
			longest = joined;
		if (slots - child->longest > longest)
			longest = slots - child->longest;
		gap = child->first ? slots - child->last : joined;
	}
	return set_gaps(&tree.nodes[level][node], make_gaps(CHILDREN * slots, first, gap, longest));
}

/* Stores the addresses of the levels of @bigger, whose nodes are zeros from @nodes on. */
static void place_levels(struct tree *bigger, struct gaps *nodes)
{
	for (unsigned int level = 0; level < bigger->levels; level++) {
		bigger->nodes[level] = nodes;
		nodes += count_nodes(bigger->levels, level);
	}
}

/* Replaces the tree by one with one more level. The memory of the old tree is not used again. */
static bool grow(void)
{
	struct tree bigger = { .levels = tree.levels ? tree.levels + 1 : LEVELS_FIRST };
	size_t words = count_nodes(bigger.levels, 0), nodes = 0;

	if (bigger.levels > LEVELS_MOST)
		return false;
	for (unsigned int level = 0; level < bigger.levels; level++)
		nodes += count_nodes(bigger.levels, level);
	bigger.used = pn_meta_alloc(words * sizeof(*bigger.used) + nodes * sizeof(struct gaps));
	if (!bigger.used)
		return false;
	place_levels(&bigger, (struct gaps *)(void *)(bigger.used + words));
	if (tree.levels)
		memcpy(bigger.used, tree.used, capacity() / 8);
	for (unsigned int level = 0; level < tree.levels; level++)
		memcpy(bigger.nodes[level], tree.nodes[level],
		       count_nodes(tree.levels, level) * sizeof(struct gaps));
	tree = bigger;
	if (tree.levels > LEVELS_FIRST)
		update_node(tree.levels - 1, 0);
	return true;
}

/* Returns the bits of @word that are for the slots from @first up to @end. */
static uint64_t bits_in_word(size_t word, size_t first, size_t end)
{
	size_t begin = word << WORD_SHIFT;
	uint64_t bits = ~(uint64_t)0;

	if (first > begin)
		bits <<= first - begin;
	if (end < begin + WORD_SLOTS)
		bits &= ((uint64_t)1 << (end - begin)) - 1;
	return bits;
}

/* Updates the node of a word, and the nodes above it until nothing changes any more. */
static void update(size_t word)
{
	bool has_changed = set_gaps(&tree.nodes[0][word], gaps_of_word(tree.used[word]));

	for (unsigned int level = 1; level < tree.levels && has_changed; level++) {
		word >>= CHILDREN_SHIFT;
		has_changed = update_node(level, word);
	}
}

static void update_stale(void)
{
	for (size_t i = 0; i < stale_count; i++)
		update(stale[i]);
	stale_count = 0;
}

/* Records that a word has changed, and its nodes have not. */
static void add_stale(size_t word)
{
	for (size_t i = 0; i < stale_count; i++)
		if (stale[i] == word)
			return;
	if (stale_count == STALE_MOST)
		update_stale();
	stale[stale_count++] = word;
}

void pn_space_note_locked(size_t first, size_t count, bool is_used)
{
	size_t end = first + count;

	pn_arena_assert_held();
	while (is_used && end > capacity() && grow())
		;
	if (end > capacity())
		end = capacity();
	for (size_t word = first >> WORD_SHIFT; word << WORD_SHIFT < end; word++) {
		uint64_t bits = bits_in_word(word, first, end);

		tree.used[word] = is_used ? tree.used[word] | bits : tree.used[word] & ~bits;
		add_stale(word);
	}
}

/* Searching. */

/**
 * struct search - a search, which goes from lower slots to higher ones
 * @from: the first slot that may be found
 * @count: how many slots are searched for
 * @gap: length of the gap, after @from, that ends where the search has arrived
 */
struct search {
	size_t from;
	size_t count;
	size_t gap;
};

/* Return: the first slot of a gap that is long enough and ends in the word; or NONE. */
static size_t find_in_word(struct search *search, size_t word)
{
	size_t begin = word << WORD_SHIFT;
	size_t at = search->from > begin ? search->from - begin : 0;

	while (at < WORD_SLOTS) {
		uint64_t rest = tree.used[word] >> at;
		size_t gap = rest ? (size_t)__builtin_ctzll(rest) : WORD_SLOTS - at;

		if (search->gap + gap >= search->count)
			return begin + at - search->gap;
		at += gap;
		search->gap += gap;
		if (rest) {
			search->gap = 0;
			/* No bit is set beyond the word's end. */
			at += ~(rest >> gap) ? (size_t)__builtin_ctzll(~(rest >> gap)) : WORD_SLOTS;
		}
	}
	return NONE;
}

/* Return: the first slot of a gap that is long enough and ends in the node's slots; or NONE. */
static size_t find_in_node(struct search *search, unsigned int level, size_t node)
{
	size_t slots = slots_of_node(level), begin = node * slots, found = NONE;
	const struct gaps *gaps = &tree.nodes[level][node];

	if (begin + slots <= search->from)
		return NONE;
	if (begin >= search->from) {
		if (search->gap + slots - gaps->first >= search->count)
			return begin - search->gap;
		if (slots - gaps->longest < search->count) {
			search->gap = slots - gaps->last + (gaps->last ? 0 : search->gap);
			return NONE;
		}
	}
	if (!level)
		return find_in_word(search, node);
	for (size_t i = 0; i < CHILDREN && found == NONE; i++)
		found = find_in_node(search, level - 1, node * CHILDREN + i);
	return found;
}

size_t pn_space_find_locked(size_t from, size_t count)
{
	struct search search = { .from = from, .count = count };
	size_t found;

	pn_arena_assert_held();
	if (from >= capacity())
		return from;
	update_stale();
	found = find_in_node(&search, tree.levels - 1, 0);
	/* The slots after the last one of the tree count as if they held nothing. */
	return found == NONE ? capacity() - search.gap : found;
}

bool pn_space_is_used(size_t slot)
{
	return slot < capacity() && tree.used[slot >> WORD_SHIFT] >> (slot % WORD_SLOTS) & 1;
}

void pn_space_in_child(void)
{
	tree.levels = 0;
	stale_count = 0;
}
