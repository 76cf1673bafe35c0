// SPDX-License-Identifier: MIT
/*
 * Sets of cubes, as in a logic minimiser: many small bit sets, which are made by intersecting
 * others and freed when another set contains them, each with a record of 16 bytes, and arrays of
 * pointers to them. Our own program, with the allocations of espresso of mimalloc-bench on
 * largest.espresso: 33 million, of which a third has at most 16 bytes, half 33 to 64, a tenth 65 to
 * 256, and the rest up to 64 KiB, with 4400 objects at most at a time.
 */
#include "workload.h"

#define WORDS_MIN 5
#define WORDS_MAX 8
#define WORDS_LARGE 64
#define ROUNDS 5600
#define CUBES 300
#define COMPARED 24

struct cube {
	uint64_t *bits;
	size_t literals;
};

struct cover {
	struct cube **cubes;
	size_t count;
	size_t room;
	size_t words;
};

static size_t allocations;

static struct cube *make_cube(size_t words)
{
	struct cube *cube = checked(malloc(sizeof(*cube)));

	cube->bits = checked(malloc(words * sizeof(cube->bits[0])));
	allocations += 2;
	return cube;
}

static void free_cube(struct cube *cube)
{
	free(cube->bits);
	free(cube);
}

static void append(struct cover *cover, struct cube *cube)
{
	if (cover->count == cover->room) {
		cover->room = cover->room ? cover->room * 2 : 4;
		cover->cubes =
			checked(realloc(cover->cubes, cover->room * sizeof(cover->cubes[0])));
		allocations++;
	}
	cover->cubes[cover->count++] = cube;
}

static int contains(const struct cube *a, const struct cube *b, size_t words)
{
	for (size_t i = 0; i < words; i++)
		if (b->bits[i] & ~a->bits[i])
			return 0;
	return 1;
}

static void remove_at(struct cover *cover, size_t at)
{
	free_cube(cover->cubes[at]);
	cover->cubes[at] = cover->cubes[--cover->count];
}

/* Adds a cube unless one of the cover's newest cubes contains it, and drops those it contains. */
static void add_maximal(struct cover *cover, struct cube *cube)
{
	for (size_t i = cover->count > COMPARED ? cover->count - COMPARED : 0; i < cover->count;) {
		if (contains(cover->cubes[i], cube, cover->words)) {
			free_cube(cube);
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
		free_cube(cover->cubes[i]);
	free(cover->cubes);
}

static struct cover random_cover(uint64_t *random, size_t words)
{
	struct cover cover = { .words = words };

	for (size_t i = 0; i < CUBES; i++) {
		struct cube *cube = make_cube(words);

		for (size_t w = 0; w < words; w++) /* mostly ones, in a few places */
			cube->bits[w] = (random_next(random) | random_next(random)) &
					0x1248124812481248;
		append(&cover, cube);
	}
	return cover;
}

/* Returns the cube that two others have in common. Computes it in a scratch set first. */
static struct cube *common(const struct cube *a, const struct cube *b, size_t words)
{
	uint64_t *scratch = checked(malloc(words * sizeof(*scratch)));
	struct cube *cube = make_cube(words);

	allocations++;
	for (size_t w = 0; w < words; w++)
		scratch[w] = a->bits[w] & b->bits[w];
	memcpy(cube->bits, scratch, words * sizeof(*scratch));
	free(scratch);
	return cube;
}

static struct cover intersect(const struct cover *a, const struct cover *b)
{
	struct cover product = { .words = a->words };

	for (size_t i = 0; i < a->count; i++) {
		for (size_t k = i % 64; k < b->count; k += 64) {
			struct cube *cube = common(a->cubes[i], b->cubes[k], a->words);

			if (product.count < 2 * CUBES)
				append(&product, cube);
			else
				add_maximal(&product, cube);
		}
	}
	return product;
}

/* Returns the bit count of the smallest cube. Stores the counts of all cubes in an array first. */
static size_t smallest_cube(const struct cover *cover)
{
	size_t *literals = checked(malloc((cover->count + 1) * sizeof(*literals)));
	size_t smallest = (size_t)-1;

	allocations++;
	for (size_t i = 0; i < cover->count; i++) {
		struct cube *cube = cover->cubes[i];

		cube->literals = 0;
		for (size_t w = 0; w < cover->words; w++)
			cube->literals += (size_t)__builtin_popcountll(cube->bits[w]);
		literals[i] = cube->literals;
	}
	for (size_t i = 0; i < cover->count; i++)
		if (literals[i] < smallest)
			smallest = literals[i];
	free(literals);
	return smallest;
}

int main(int argc, char **argv)
{
	uint64_t random = random_seed(0);
	size_t rounds = amount(argc, argv, ROUNDS), sum = 0;

	for (size_t i = 0; i < rounds; i++) {
		/* One round in ten is about larger sets. */
		size_t words = i % 10 ? WORDS_MIN + random_below(&random, WORDS_MAX + 1 - WORDS_MIN)
				      : WORDS_MAX + random_below(&random, WORDS_LARGE);
		struct cover a = random_cover(&random, words), b = random_cover(&random, words);
		struct cover product = intersect(&a, &b);

		sum += smallest_cube(&a) + smallest_cube(&b) + smallest_cube(&product);
		drop(&a);
		drop(&b);
		drop(&product);
	}
	report_done(allocations + (sum == 0));
	return 0;
}
