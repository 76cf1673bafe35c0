// SPDX-License-Identifier: MIT
/*
 * libFuzzer's view of the configuration parser. Whatever the variable holds, the
 * result is one that makes sense, there is at most one line of message, and what is
 * said twice is what is said once.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "sys.h"

#define NAME "FUZZ_CONF"
#define TEXT_MAX 4096

#define CHECK(condition) ((condition) ? (void)0 : failed(#condition))

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
void __wrap_pn_sys_write(int fd, const void *buffer, size_t size);

static unsigned int lines;

_Noreturn static void failed(const char *expected)
{
	fprintf(stderr, "expected: %s\n", expected);
	abort();
}

/* In place of the library's: what would be said. */
void __wrap_pn_sys_write(int fd, const void *buffer, size_t size)
{
	const char *text = buffer;

	CHECK(fd == 2);
	CHECK(size > 9 && size < 700);
	CHECK(!memcmp(text, "pinned: ", 8));
	for (size_t i = 0; i < size - 1; i++)
		CHECK((uint8_t)text[i] >= ' ' && text[i] != 0x7f);
	CHECK(text[size - 1] == '\n');
	lines++;
}

static struct pn_config parse(const char *text)
{
	struct pn_config config;

	memset(&config, 0x55, sizeof(config));
	lines = 0;
	CHECK(!setenv(NAME, text, 1));
	pn_config_read(&config, NAME);
	CHECK(lines <= 1);
	return config;
}

static void check(const struct pn_config *config)
{
	CHECK(config->is_given);
	CHECK(config->backend >= PN_BACKEND_AUTO && config->backend <= PN_BACKEND_ANON);
	CHECK(config->policy >= PN_POLICY_FALLBACK && config->policy <= PN_POLICY_PASSTHROUGH);
	CHECK(config->node >= -1 && config->node <= 4095);
}

static bool is_same(const struct pn_config *a, const struct pn_config *b)
{
	return a->backend == b->backend && a->policy == b->policy && a->min == b->min &&
	       a->max == b->max && a->limit == b->limit && a->node == b->node &&
	       a->decay_ms == b->decay_ms && a->is_fine == b->is_fine && a->report == b->report;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char once[TEXT_MAX + 1], twice[2 * TEXT_MAX + 2];
	struct pn_config a, b;
	bool was_bad;

	if (size > TEXT_MAX)
		size = TEXT_MAX;
	memcpy(once, data, size);
	once[size] = '\0';
	snprintf(twice, sizeof(twice), "%s,%s", once, once);
	a = parse(once);
	was_bad = lines;
	check(&a);
	b = parse(twice);
	CHECK(is_same(&a, &b) && was_bad == lines);
	return 0;
}
