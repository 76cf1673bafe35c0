// SPDX-License-Identifier: MIT
/*
 * Fuzzes the configuration parser by libFuzzer. Whatever the variable contains, every key
 * gets a valid value, at most one line is printed, and repeating the text changes nothing.
 * The same holds for the file, which gives a program the keys of one section or the
 * defaults.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../lib/same_configuration.h"
#include "config/conffile.h"
#include "os/die.h"
#include "os/sys.h"

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

/* Replaces the library's function, and checks the message that would be written. */
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
	CHECK(config->backend >= PN_BACKEND_AUTO && config->backend <= PN_BACKEND_ANON);
	CHECK(config->policy >= PN_POLICY_FALLBACK && config->policy <= PN_POLICY_PASSTHROUGH);
	CHECK(config->node >= -1 && config->node <= 4095);
}

/**
 * struct seen - what the reader of the file has reported
 * @last: the line of the last report
 */
struct seen {
	unsigned int sections;
	unsigned int errors;
	unsigned int last;
};

static void see(void *context, enum pn_conffile_note note, unsigned int line, struct pn_span text)
{
	struct seen *seen = context;

	CHECK(line >= seen->last && line > 0);
	CHECK(text.len > 0 && text.len < PN_CONFFILE_LINE_MAX);
	CHECK(!memchr(text.text, '\n', text.len));
	seen->last = line;
	seen->sections += note == PN_CONFFILE_SECTION;
	seen->errors += note == PN_CONFFILE_ERROR;
	if (note == PN_CONFFILE_ERROR)
		CHECK(text.len < sizeof(((struct pn_line *)0)->text));
	else
		CHECK(text.text[0] != ' ' && text.text[text.len - 1] != ' ');
}

/*
 * Reads the file for a program with an exe, a cgroup and a user; as a check; and for this process.
 */
static void try_file(const char *path)
{
	struct seen seen = { 0 }, all = { 0 };
	struct pn_conffile file = {
		.path = path,
		.exe = "/usr/sbin/nginx",
		.cgroup = "/system.slice/nginx.service",
		.user = 33,
		.note = see,
		.context = &seen,
	};
	struct pn_config config, defaults;

	pn_config_defaults(&defaults);
	CHECK(!pn_conffile_read(&config, &file));
	check(&config);
	CHECK(seen.sections <= 1 && config.is_given == seen.sections);
	CHECK(config.is_given || is_same(&config, &defaults));
	file.is_check = true;
	file.context = &all;
	CHECK(!pn_conffile_read(&config, &file));
	check(&config);
	CHECK(all.sections >= seen.sections && all.errors >= seen.errors);
	lines = 0;
	pn_conffile_ask(&config, path, "/nonexistent/off", false);
	CHECK(lines <= all.errors && lines <= 1);
	pn_conffile_ask(&config, path, path, false);
	CHECK(config.is_given ? config.policy == PN_POLICY_PASSTHROUGH
			      : is_same(&config, &defaults));
}

static void try_as_file(const uint8_t *data, size_t size)
{
	static char path[30];
	static int fd = -1;

	if (fd < 0) {
		fd = memfd_create("configuration", MFD_CLOEXEC);
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	}
	CHECK(fd >= 0 && !ftruncate(fd, 0) && pwrite(fd, data, size, 0) == (ssize_t)size);
	try_file(path);
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
	CHECK(a.is_given);
	b = parse(twice);
	CHECK(is_same(&a, &b) && was_bad == lines);
	try_as_file(data, size);
	return 0;
}
