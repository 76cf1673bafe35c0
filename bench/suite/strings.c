// SPDX-License-Identifier: MIT
/*
 * Text processing, as in scripts: makes words, copies them, joins them into lines that grow by
 * realloc, and counts them in a hash table that drops its oldest entries.
 */
#include "workload.h"

#define BUCKETS 65536
#define WORDS 30000

struct entry {
	struct entry *next;
	char *word;
	size_t count;
};

static char *make_word(uint64_t *random)
{
	size_t length = 2 + random_below(random, 4 + random_below(random, 40));
	char *word = checked(malloc(length + 1));

	for (size_t i = 0; i < length; i++)
		word[i] = (char)('a' + (random_next(random) >> 40) % 26);
	word[length] = 0;
	return word;
}

static size_t hash(const char *word)
{
	size_t value = 5381;

	while (*word)
		value = value * 33 + (unsigned char)*word++;
	return value % BUCKETS;
}

static void count_word(struct entry **table, const char *word)
{
	struct entry **bucket = &table[hash(word)], *entry = *bucket;
	size_t length = strlen(word) + 1;

	while (entry && strcmp(entry->word, word))
		entry = entry->next;
	if (!entry) {
		entry = checked(malloc(sizeof(*entry)));
		entry->word = memcpy(checked(malloc(length)), word, length);
		entry->count = 0;
		entry->next = *bucket;
		*bucket = entry;
	}
	entry->count++;
}

static void clear(struct entry **bucket)
{
	struct entry *entry = *bucket;

	*bucket = NULL;
	while (entry) {
		struct entry *next = entry->next;

		free(entry->word);
		free(entry);
		entry = next;
	}
}

/* Joins words until the line is full; reallocates the line as it grows. */
static void write_line(uint64_t *random, char *const *words)
{
	size_t length = 0, full = 20 + random_below(random, 2000);
	char *line = NULL;

	while (length < full) {
		const char *word = words[random_below(random, WORDS)];
		size_t more = strlen(word);

		line = checked(realloc(line, length + more + 1));
		memcpy(line + length, word, more + 1);
		length += more;
	}
	free(line);
}

int main(int argc, char **argv)
{
	struct entry **table = checked(calloc(BUCKETS, sizeof(*table)));
	char **words = checked(calloc(WORDS, sizeof(*words)));
	size_t steps = amount(argc, argv, 700000);
	uint64_t random = random_seed(0);

	for (size_t i = 0; i < WORDS; i++)
		words[i] = make_word(&random);
	for (size_t i = 0; i < steps; i++) {
		char **word = &words[random_below(&random, WORDS)];

		free(*word);
		*word = make_word(&random);
		count_word(table, *word);
		if (i % 16 == 0)
			write_line(&random, words);
		clear(&table[random_below(&random, BUCKETS)]);
	}
	for (size_t i = 0; i < BUCKETS; i++)
		clear(&table[i]);
	for (size_t i = 0; i < WORDS; i++)
		free(words[i]);
	free(words);
	free(table);
	return 0;
}
