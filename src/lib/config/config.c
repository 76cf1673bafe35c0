// SPDX-License-Identifier: MIT
/*
 * The configuration parser. It allocates nothing, so it can run inside the first malloc of a
 * process. Words that are not valid change nothing. A message names the first such word and the
 * valid keys or values, and says how many more such words there are.
 */
#include "config/config.h"

#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#include "config/memory_type.h"
#include "os/die.h"

static bool is_word(struct pn_span span, const char *word)
{
	return span.len == strlen(word) && !memcmp(span.text, word, span.len);
}

static int find_word(struct pn_span span, const char *const *words)
{
	for (int i = 0; words[i]; i++)
		if (is_word(span, words[i]))
			return i;
	return -1;
}

/* Parses decimal digits. Returns false on anything else and on overflow. */
static bool parse_number(struct pn_span span, uint64_t *value)
{
	uint64_t sum = 0;

	if (!span.len)
		return false;
	for (size_t i = 0; i < span.len; i++) {
		unsigned int digit = (unsigned int)(span.text[i] - '0');

		if (digit > 9 || __builtin_mul_overflow(sum, 10, &sum) ||
		    __builtin_add_overflow(sum, digit, &sum))
			return false;
	}
	*value = sum;
	return true;
}

/* Parses a number with an optional K, M, G or T (powers of 1024). */
static bool parse_size(struct pn_span span, size_t *value)
{
	static const char suffixes[] = "KMGT";
	const char *suffix = span.len ? memchr(suffixes, span.text[span.len - 1], 4) : NULL;
	unsigned int shift = suffix ? 10 * (unsigned int)(suffix - suffixes + 1) : 0;
	uint64_t number;

	if (suffix)
		span.len--;
	if (!parse_number(span, &number) || number > (SIZE_MAX >> shift))
		return false;
	*value = (size_t)number << shift;
	return true;
}

static bool set_backend(struct pn_config *config, struct pn_span value)
{
	static const char *const words[] = { "auto", "device", "hugetlb", "anon", NULL };
	int i = find_word(value, words);

	if (i >= 0)
		config->backend = (enum pn_backend_kind)i;
	return i >= 0;
}

static bool set_policy(struct pn_config *config, struct pn_span value)
{
	static const char *const words[] = { "fallback", "fail", "passthrough", NULL };
	int i = find_word(value, words);

	if (i >= 0)
		config->policy = (enum pn_policy)i;
	return i >= 0;
}

static bool set_memory(struct pn_config *config, struct pn_span value)
{
	static const char *const words[] = { PN_MEMORY_TYPES(PN_MEMORY_TYPE_WITH_COMMA) NULL };
	int i = find_word(value, words);

	if (i >= 0)
		config->memory_type = (uint32_t)i;
	return i >= 0;
}

static bool set_node(struct pn_config *config, struct pn_span value)
{
	uint64_t node;

	if (is_word(value, "any")) {
		config->node = -1;
		return true;
	}
	if (!parse_number(value, &node) || node > 4095)
		return false;
	config->node = (int)node;
	return true;
}

static bool set_min(struct pn_config *config, struct pn_span value)
{
	return parse_size(value, &config->min);
}

static bool set_max(struct pn_config *config, struct pn_span value)
{
	return parse_size(value, &config->max);
}

static bool set_limit(struct pn_config *config, struct pn_span value)
{
	return parse_size(value, &config->limit);
}

static bool set_contiguous(struct pn_config *config, struct pn_span value)
{
	return parse_size(value, &config->contiguous);
}

static bool set_pin(struct pn_config *config, struct pn_span value)
{
	return parse_size(value, &config->pin);
}

static bool set_retain_limit(struct pn_config *config, struct pn_span value)
{
	return parse_size(value, &config->retain_limit);
}

static bool set_decay(struct pn_config *config, struct pn_span value)
{
	return parse_number(value, &config->decay_ms);
}

static bool set_idle(struct pn_config *config, struct pn_span value)
{
	return parse_size(value, &config->idle);
}

static bool set_realtime(struct pn_config *config, struct pn_span value)
{
	return parse_size(value, &config->realtime);
}

static bool set_classes(struct pn_config *config, struct pn_span value)
{
	static const char *const words[] = { "pow2", "fine", NULL };
	int i = find_word(value, words);

	if (i >= 0)
		config->is_fine = i;
	return i >= 0;
}

static bool set_quarantine(struct pn_config *config, struct pn_span value)
{
	return parse_size(value, &config->quarantine);
}

static bool set_switch(bool *is_on, struct pn_span value)
{
	if (!is_word(value, "0") && !is_word(value, "1"))
		return false;
	*is_on = value.text[0] == '1';
	return true;
}

static bool set_zero_on_free(struct pn_config *config, struct pn_span value)
{
	return set_switch(&config->zero_on_free, value);
}

/* 1 is about all chunks, and a larger number about one in so many objects. */
static bool set_guard(struct pn_config *config, struct pn_span value)
{
	uint64_t number;

	if (!parse_number(value, &number) || number > INT32_MAX)
		return false;
	config->has_guards = number == 1;
	config->guard_every = number > 1 ? (uint32_t)number : 0;
	return true;
}

static bool set_random(struct pn_config *config, struct pn_span value)
{
	return set_switch(&config->is_random, value);
}

static bool set_report(struct pn_config *config, struct pn_span value)
{
	return set_switch(&config->report, value);
}

static bool set_quiet(struct pn_config *config, struct pn_span value)
{
	return set_switch(&config->is_quiet, value);
}

static bool set_profile(struct pn_config *config, struct pn_span value)
{
	return parse_size(value, &config->profile);
}

static bool set_profile_file(struct pn_config *config, struct pn_span value)
{
	if (!value.len || value.len >= sizeof(config->profile_file))
		return false;
	memcpy(config->profile_file, value.text, value.len);
	config->profile_file[value.len] = '\0';
	return true;
}

static const struct {
	const char *key;
	bool (*set)(struct pn_config *config, struct pn_span value);
	const char *values;
} keys[] = {
	{ "backend", set_backend, "auto, device, hugetlb or anon" },
	{ "policy", set_policy, "fallback, fail or passthrough" },
	{ "min", set_min, "a size in bytes, with K, M, G or T" },
	{ "max", set_max, "a size in bytes, with K, M, G or T" },
	{ "memory", set_memory, PN_MEMORY_TYPES_TEXT },
	{ "node", set_node, "a NUMA node's number or any" },
	{ "limit", set_limit, "a size in bytes, with K, M, G or T" },
	{ "contiguous", set_contiguous, "a size in bytes, with K, M, G or T" },
	{ "pin", set_pin, "a size in bytes, with K, M, G or T" },
	{ "retain_limit", set_retain_limit, "a size in bytes, with K, M, G or T" },
	{ "decay_ms", set_decay, "a number of milliseconds" },
	{ "idle", set_idle, "a size in bytes, with K, M, G or T" },
	{ "realtime", set_realtime, "a size in bytes, with K, M, G or T" },
	{ "classes", set_classes, "pow2 or fine" },
	{ "profile", set_profile, "a size in bytes, with K, M, G or T" },
	{ "profile_file", set_profile_file, "a path of up to 255 bytes" },
	{ "zero_on_free", set_zero_on_free, "0 or 1" },
	{ "quarantine", set_quarantine, "a size in bytes, with K, M, G or T" },
	{ "guard", set_guard, "0, 1 or a number of objects" },
	{ "random", set_random, "0 or 1" },
	{ "report", set_report, "0 or 1" },
	{ "quiet", set_quiet, "0 or 1" },
};

#define KEYS (sizeof(keys) / sizeof(keys[0]))

static size_t find_key(struct pn_span key)
{
	size_t i = 0;

	while (i < KEYS && !is_word(key, keys[i].key))
		i++;
	return i;
}

static void complain_start(struct pn_line *line, const char *variable)
{
	pn_line_start(line);
	pn_line_text(line, variable);
	pn_line_text(line, ": ");
}

static void complain_of_key(struct pn_line *line, struct pn_span key)
{
	pn_line_text(line, "unknown key \"");
	pn_line_span(line, key.text, key.len);
	pn_line_text(line, "\"; known are ");
	for (size_t i = 0; i < KEYS; i++) {
		pn_line_text(line, i ? ", " : "");
		pn_line_text(line, keys[i].key);
	}
}

static void complain_of_value(struct pn_line *line, size_t key, struct pn_span value)
{
	pn_line_text(line, "bad value \"");
	pn_line_span(line, value.text, value.len);
	pn_line_text(line, "\" for ");
	pn_line_text(line, keys[key].key);
	pn_line_text(line, "; use ");
	pn_line_text(line, keys[key].values);
}

bool pn_config_set(struct pn_config *config, struct pn_span key, struct pn_span value,
		   struct pn_line *line)
{
	size_t i = find_key(key);

	if (i == KEYS) {
		if (line)
			complain_of_key(line, key);
		return false;
	}
	if (keys[i].set(config, value))
		return true;
	if (line)
		complain_of_value(line, i, value);
	return false;
}

static bool read_word(struct pn_config *config, struct pn_span word, struct pn_line *line)
{
	const char *colon = memchr(word.text, ':', word.len);
	struct pn_span key = { word.text, colon ? (size_t)(colon - word.text) : word.len };
	struct pn_span value = { key.text + key.len + 1, colon ? word.len - key.len - 1 : 0 };

	return pn_config_set(config, key, value, line);
}

static void read_words(struct pn_config *config, const char *text, const char *variable)
{
	struct pn_line line;
	unsigned int bad = 0;

	complain_start(&line, variable);
	while (*text) {
		struct pn_span word = { text, strcspn(text, ",") };

		if (word.len && !read_word(config, word, bad ? NULL : &line))
			bad++;
		text += word.len + (text[word.len] == ',');
	}
	if (!bad)
		return;
	if (bad > 1) {
		pn_line_text(&line, " (and ");
		pn_line_number(&line, bad - 1);
		pn_line_text(&line, " more)");
	}
	pn_line_text(&line, "; ignored");
	pn_line_end(&line, STDERR_FILENO);
}

void pn_config_defaults(struct pn_config *config)
{
	*config = (struct pn_config){
		.max = SIZE_MAX,
		.limit = SIZE_MAX,
		.pin = 1,
		.retain_limit = (size_t)256 << 20,
		.node = -1,
		.decay_ms = 10000,
		.idle = (size_t)8 << 20,
	};
}

void pn_config_read(struct pn_config *config, const char *variable)
{
	const char *text = getauxval(AT_SECURE) ? NULL : getenv(variable);

	pn_config_defaults(config);
	if (!text)
		return;
	config->is_given = true;
	read_words(config, text, variable);
}
