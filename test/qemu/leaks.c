// SPDX-License-Identifier: MIT
/*
 * What a kernel with checkers says has leaked, for init to judge (Faults A5, A7,
 * A18, A45). Both reports are records with a stack of callers. A module's symbols
 * go with it; from then on its callers are bare addresses, which nobody else's are.
 */
#include "leaks.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define KMEMLEAK "/sys/kernel/debug/kmemleak"
#define PAGE_OWNER "/sys/kernel/debug/page_owner"
#define RECORD_MAX 8192
/* Younger objects are not reported: their address may be on its way. */
#define KMEMLEAK_AGE_S 6
/* Leaks shown; the rest is counted. */
#define SHOWN_MAX 5

bool leaks_has_kmemleak(void)
{
	return !access(KMEMLEAK, W_OK);
}

bool leaks_has_page_owner(void)
{
	return !access(PAGE_OWNER, R_OK);
}

static void show(const char *record, unsigned int count)
{
	if (count <= SHOWN_MAX)
		printf("init: leaked: %s\n", record);
	fflush(stdout);
}

/* kmemleak */

static bool scan(void)
{
	int fd = open(KMEMLEAK, O_WRONLY | O_CLOEXEC);
	bool is_done = fd >= 0 && write(fd, "scan", 4) == 4;

	if (fd >= 0)
		close(fd);
	return is_done;
}

/* A cache's name is lost by the core, where the cache has no memory to be shown in sysfs. */
static bool is_of_module(const char *record, const char *module)
{
	return (strstr(record, module) || strstr(record, "] 0xffffffff")) &&
	       !strstr(record, "sysfs_slab_add");
}

static bool is_start(const char *line)
{
	return !strncmp(line, "unreferenced object", 19);
}

static unsigned int count_leaks(FILE *file, const char *module)
{
	char record[RECORD_MAX] = "", line[256];
	unsigned int count = 0;
	size_t used = 0;
	bool is_last;

	do {
		is_last = !fgets(line, sizeof(line), file);
		if (is_last || is_start(line)) {
			if (is_of_module(record, module))
				show(record, ++count);
			used = 0;
		}
		if (!is_last && used + strlen(line) < sizeof(record))
			used += sprintf(record + used, "%s", line);
	} while (!is_last);
	return count;
}

bool leaks_none_in_kmemleak(const char *module)
{
	unsigned int count;
	FILE *file;

	/* The first finds what the second, some seconds later, finds still there. */
	if (!scan())
		return false;
	sleep(KMEMLEAK_AGE_S);
	if (!scan())
		return false;
	file = fopen(KMEMLEAK, "re");
	if (!file)
		return false;
	count = count_leaks(file, module);
	fclose(file);
	if (count)
		printf("init: kmemleak: %u objects of %s\n", count, module);
	return !count;
}

/* Page owner */

/*
 * A page of slab or of per-CPU memory is whose it was first, and stays the
 * allocator's; kmemleak sees what is in it. A page table of the kernel's own
 * mappings, or of their KASAN shadow, stays too, for whoever maps something there next.
 */
static bool is_leaked_page(const char *record)
{
	static const char *const theirs[] = {
		"slab",
		"pcpu_",
		"vmap_pages_range",
		"kasan_populate_vmalloc",
	};

	for (size_t i = 0; i < sizeof(theirs) / sizeof(*theirs); i++)
		if (strstr(record, theirs[i]))
			return false;
	return strstr(record, "\n 0xffffffff");
}

/* Each read() gives one record, and costs a system call: there are as many as pages in use. */
bool leaks_none_in_page_owner(void)
{
	int fd = open(PAGE_OWNER, O_RDONLY | O_CLOEXEC);
	unsigned int count = 0, pages = 0;
	char record[RECORD_MAX];
	ssize_t got;

	if (fd < 0)
		return false;
	while ((got = read(fd, record, sizeof(record) - 1)) > 0) {
		record[got] = '\0';
		pages++;
		if (is_leaked_page(record))
			show(record, ++count);
	}
	close(fd);
	printf("init: page owner: %u pages or blocks in use, %u leaked\n", pages, count);
	return pages && !count;
}
