// SPDX-License-Identifier: MIT
/*
 * Computes convergents of continued fractions on integers of a few words, of which each result is a
 * new object that is soon freed, as cfrac of mimalloc-bench does when it factors
 * 17545186520507317056371138836327483792789528. Our own program, with cfrac's allocations: 92
 * million, of which 17 % have at most 16 bytes and 83 % have 17 to 32, and 24000 that stay.
 */
#include "workload.h"

#define WORDS_MIN 4
#define WORDS_MAX 7
#define KEPT 24000
#define EXPANSIONS 2050000

struct integer {
	uint32_t count;
	uint32_t words[];
};

/* Each 64th result stays, as cfrac keeps relations between results. */
static struct integer *kept[KEPT];

static struct integer *make(uint32_t count)
{
	struct integer *integer =
		checked(malloc(sizeof(*integer) + count * sizeof(integer->words[0])));

	integer->count = count;
	return integer;
}

static struct integer *from_word(uint32_t word)
{
	struct integer *integer = make(1);

	integer->words[0] = word;
	return integer;
}

static void trim(struct integer *integer)
{
	while (integer->count > 1 && !integer->words[integer->count - 1])
		integer->count--;
}

static struct integer *multiply(const struct integer *a, uint32_t factor)
{
	struct integer *product = make(a->count + 1);
	uint64_t carry = 0;

	for (uint32_t i = 0; i < a->count; i++) {
		carry += (uint64_t)a->words[i] * factor;
		product->words[i] = (uint32_t)carry;
		carry >>= 32;
	}
	product->words[a->count] = (uint32_t)carry;
	trim(product);
	return product;
}

static struct integer *add(const struct integer *a, const struct integer *b)
{
	uint32_t count = a->count > b->count ? a->count : b->count;
	struct integer *sum = make(count + 1);
	uint64_t carry = 0;

	for (uint32_t i = 0; i < count; i++) {
		carry += i < a->count ? a->words[i] : 0;
		carry += i < b->count ? b->words[i] : 0;
		sum->words[i] = (uint32_t)carry;
		carry >>= 32;
	}
	sum->words[count] = (uint32_t)carry;
	trim(sum);
	return sum;
}

/* now = coefficient * now + before; before = the old value of now */
static void step(struct integer **now, struct integer **before, uint32_t coefficient)
{
	struct integer *product = multiply(*now, coefficient);
	struct integer *next = add(product, *before);

	free(product);
	free(*before);
	*before = *now;
	*now = next;
}

static struct integer *random_integer(uint64_t *random)
{
	struct integer *integer = make(WORDS_MIN);

	for (uint32_t i = 0; i < WORDS_MIN; i++)
		integer->words[i] = (uint32_t)(random_next(random) >> 32) | 1;
	return integer;
}

/* Returns the number of allocations. */
static size_t expand(uint64_t *random, struct integer **keep)
{
	struct integer *p = random_integer(random), *p_before = from_word(0);
	struct integer *q = random_integer(random), *q_before = from_word(1);
	size_t allocations = 4;

	while (p->count < WORDS_MAX) {
		struct integer *coefficient = from_word(1 + (uint32_t)random_below(random, 1000));

		step(&p, &p_before, coefficient->words[0]);
		step(&q, &q_before, coefficient->words[0]);
		free(coefficient);
		allocations += 5;
	}
	if (keep) {
		free(*keep);
		*keep = p_before;
	} else {
		free(p_before);
	}
	free(p);
	free(q);
	free(q_before);
	return allocations;
}

int main(int argc, char **argv)
{
	uint64_t random = random_seed(0);
	size_t expansions = amount(argc, argv, EXPANSIONS), allocations = 0;

	for (size_t i = 0; i < expansions; i++)
		allocations += expand(&random, i % 64 ? NULL : &kept[i / 64 % KEPT]);
	for (size_t i = 0; i < KEPT; i++)
		free(kept[i]);
	report_done(allocations);
	return 0;
}
