// SPDX-License-Identifier: MIT
/*
 * Computes convergents of continued fractions with random coefficients, on integers of a few words.
 * As in programs that factor by continued fractions, each result is a new small object that is soon
 * freed.
 */
#include "workload.h"

#define WORDS_MAX 24

struct integer {
	uint32_t count;
	uint32_t words[];
};

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

/* now = coefficient * now + before; before = what now was */
static void step(struct integer **now, struct integer **before, uint32_t coefficient)
{
	struct integer *product = multiply(*now, coefficient);
	struct integer *next = add(product, *before);

	free(product);
	free(*before);
	*before = *now;
	*now = next;
}

static void expand(uint64_t *random)
{
	struct integer *p = from_word(1), *p_before = from_word(0);
	struct integer *q = from_word(0), *q_before = from_word(1);

	while (p->count < WORDS_MAX) {
		uint32_t coefficient = 1 + (uint32_t)random_below(random, 1000);

		step(&p, &p_before, coefficient);
		step(&q, &q_before, coefficient);
	}
	free(p);
	free(p_before);
	free(q);
	free(q_before);
}

int main(int argc, char **argv)
{
	uint64_t random = random_seed(0);
	size_t expansions = amount(argc, argv, 50000);

	for (size_t i = 0; i < expansions; i++)
		expand(&random);
	return 0;
}
