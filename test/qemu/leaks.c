// SPDX-License-Identifier: MIT
/*
 * Reads a checking kernel's leak reports, for init to judge (Faults A5, A7, A18, A45). Both reports
 * consist of records with a call trace. After a module is unloaded its functions have no names, so
 * the trace shows bare addresses, which no other code's trace does.
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
/* kmemleak does not report younger objects: their address may not be stored yet. */
#define KMEMLEAK_AGE_S 6
/* How many leaks are shown; the others are only counted. */
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

/*
 * A record with sysfs_slab_add is the kernel's own leak: it loses a cache's name if the cache's
 * sysfs entry cannot be allocated.
 */
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

	/* An object counts only if the second scan, some seconds later, still finds it. */
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
 * Ignores pages that the kernel's allocators keep. A page of slab or per-CPU memory carries the
 * trace of its first user and stays with the allocator; kmemleak checks its content. A page table
 * of vmalloc space, or of its KASAN shadow, stays for the next mapping there.
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

/* Each read() returns one record; there are as many records as pages in use. */
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
