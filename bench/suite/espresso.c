// SPDX-License-Identifier: MIT
/*
 * Sets of cubes, as in a logic minimiser: thousands of small bit sets, which are made by
 * intersecting others, freed when another set contains them, and kept in lists that grow by
 * realloc.
 */
#include "workload.h"

#define WORDS_MAX 12
#define CUBES 150

struct cover {
	uint64_t **cubes;
	size_t count;
	size_t room;
	size_t words;
};

static void append(struct cover *cover, uint64_t *cube)
{
	if (cover->count == cover->room) {
		cover->room = cover->room ? cover->room * 2 : 4;
		cover->cubes =
			checked(realloc(cover->cubes, cover->room * sizeof(cover->cubes[0])));
	}
	cover->cubes[cover->count++] = cube;
}

static int contains(const uint64_t *a, const uint64_t *b, size_t words)
{
	for (size_t i = 0; i < words; i++)
		if (b[i] & ~a[i])
			return 0;
	return 1;
}

static void remove_at(struct cover *cover, size_t at)
{
	free(cover->cubes[at]);
	cover->cubes[at] = cover->cubes[--cover->count];
}

/* Adds a cube unless a cube of the cover contains it; drops the cubes that the new one contains. */
static void add_maximal(struct cover *cover, uint64_t *cube)
{
	for (size_t i = 0; i < cover->count;) {
		if (contains(cover->cubes[i], cube, cover->words)) {
			free(cube);
			return;
		}
		if (contains(cube, cover->cubes[i], cover->words))
			remove_at(cover, i);
		else
			i++;
	}
	append(cover, cube);
}

static void drop(struct cover *cover)
{
	for (size_t i = 0; i < cover->count; i++)
		free(cover->cubes[i]);
	free(cover->cubes);
}

static struct cover random_cover(uint64_t *random, size_t words)
{
	struct cover cover = { .words = words };

	for (size_t i = 0; i < CUBES; i++) {
		uint64_t *cube = checked(malloc(words * sizeof(*cube)));

		for (size_t w = 0; w < words; w++) /* mostly ones, in a few places */
			cube[w] = (random_next(random) | random_next(random)) & 0x1248124812481248;
		append(&cover, cube);
	}
	return cover;
}

static struct cover intersect(const struct cover *a, const struct cover *b)
{
	struct cover product = { .words = a->words };

	for (size_t i = 0; i < a->count; i++) {
		for (size_t k = i % 8; k < b->count; k += 8) {
			uint64_t *cube = checked(malloc(a->words * sizeof(*cube)));

			for (size_t w = 0; w < a->words; w++)
				cube[w] = a->cubes[i][w] & b->cubes[k][w];
			if (product.count < 2 * CUBES)
				append(&product, cube);
			else
				add_maximal(&product, cube);
		}
	}
	return product;
}

int main(int argc, char **argv)
{
	uint64_t random = random_seed(0);
	size_t rounds = amount(argc, argv, 100);

	for (size_t i = 0; i < rounds; i++) {
		size_t words = 1 + random_below(&random, WORDS_MAX);
		struct cover a = random_cover(&random, words), b = random_cover(&random, words);
		struct cover product = intersect(&a, &b);

		drop(&a);
		drop(&b);
		drop(&product);
	}
	return 0;
}
