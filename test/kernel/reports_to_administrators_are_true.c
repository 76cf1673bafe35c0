// SPDX-License-Identifier: MIT
/*
 * What the driver reports to administrators is true: fdinfo, pools and events in debugfs, the
 * histogram of POPULATE, the tracepoints. None of them contains a physical address (Fault A36).
 */
#include "guest.h"

#include <sys/mount.h>

#define DEBUGFS "/sys/kernel/debug/pinned_mem/"
#define TRACING "/sys/kernel/tracing/"

static char text[1 << 20];

static const char *contents(const char *path)
{
	int fd = WORKS(open(path, O_RDONLY | O_CLOEXEC));
	size_t length = 0;
	ssize_t n;

	while ((n = read(fd, text + length, sizeof(text) - 1 - length)) > 0)
		length += n;
	close(fd);
	text[length] = '\0';
	return text;
}

static void contains(const char *path, const char *what)
{
	if (!strstr(contents(path), what))
		FAIL("%s has no \"%s\":\n%s", path, what, text);
}

static unsigned long event(const char *name)
{
	const char *found;
	char line[64];

	snprintf(line, sizeof(line), "\n%s ", name);
	/* Makes the first line findable like the others. */
	text[0] = '\n';
	int fd = WORKS(open(DEBUGFS "events", O_RDONLY | O_CLOEXEC));
	ssize_t n = read(fd, text + 1, sizeof(text) - 2);

	close(fd);
	text[1 + n] = '\0';
	found = strstr(text, line);
	CHECK(found);
	return strtoul(found + strlen(line), NULL, 10);
}

static unsigned long calls_in_histogram(void)
{
	const char *line = strchr(contents(DEBUGFS "populate_latency"), '\n');
	unsigned long sum = 0, below, calls;

	for (; line && sscanf(line, "%lu %lu", &below, &calls) == 2; line = strchr(line + 1, '\n'))
		sum += calls;
	return sum;
}

static void touches(void *at)
{
	touch_pages(at, 3 * PAGE);
}

static void events_count(int fd, char *at)
{
	unsigned long populate_before = event("populate"), failed = event("populate_failed"),
		      punches = event("punch"), copies = event("copy"), forks = event("fork"),
		      calls = calls_in_histogram();

	WORKS(populate(fd, 0, 3, NULL));
	REFUSED(populate(fd, 0, 3, NULL), EEXIST);
	EQUAL(event("populate"), populate_before + 1);
	EQUAL(event("populate_failed"), failed + 1);
	EQUAL(calls_in_histogram(), calls + 1);
	touch_pages(at, PAGE);
	ENDED_WELL(spawn(touches, at));
	EQUAL(event("fork"), forks + 1);
	EQUAL(event("copy"), copies + 3);
	WORKS(punch(fd, 1, 1));
	EQUAL(event("punch"), punches + 1);
}

static void pool_is_described(int fd)
{
	char path[64], line[128];

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	snprintf(line, sizeof(line), "pinned_mem_pool:\t%llu\n",
		 (unsigned long long)info_of(fd).pool_id);
	contains(path, line);
	contains(path, "pinned_mem_chunks:\t2\n");
	contains(path, "pinned_mem_mappings:\t1\n");
	contains(path, "pinned_mem_snapshots:\t0\n");
	snprintf(line, sizeof(line),
		 "pool %llu pid %d comm reports_to_admi chunks 2 type coherent mappings 1",
		 (unsigned long long)info_of(fd).pool_id, getpid());
	contains(DEBUGFS "pools", line);
	contains(DEBUGFS "pools", "  slots 0 1 node ");
	contains(DEBUGFS "pools", "  slots 2 1 node ");
}

static void traces(int fd, char *at)
{
	char phys_text[32];
	uint64_t phys;

	/* Maps whole chunks again, since the fork has unmapped them. */
	map_again(fd, at, 0, 8);
	WORKS(write_text(TRACING "trace", ""));
	WORKS(write_text(TRACING "events/pinned_mem/enable", "1"));
	WORKS(populate(fd, 7, 1, &phys));
	touch_pages(at + 7 * CHUNK, PAGE);
	ENDED_WELL(spawn(touches, at + 7 * CHUNK));
	WORKS(punch(fd, 7, 1));
	WORKS(write_text(TRACING "events/pinned_mem/enable", "0"));
	contains(TRACING "trace", "pinned_mem_populate: pool=");
	contains(TRACING "trace", "slot=7 count=1 type=0 node=-1 err=0 ns=");
	contains(TRACING "trace", "pinned_mem_fault: pool=");
	contains(TRACING "trace", "whole=1 snapshot=0");
	contains(TRACING "trace", "whole=0 snapshot=1");
	contains(TRACING "trace", "pinned_mem_copy: pool=");
	contains(TRACING "trace", "pinned_mem_punch: pool=");
	snprintf(phys_text, sizeof(phys_text), "%llx", (unsigned long long)phys >> 12);
	CHECK(!strstr(contents(TRACING "trace"), phys_text));
	CHECK(!strstr(contents(DEBUGFS "pools"), phys_text));
}

int main(void)
{
	int fd = open_pool();
	char *at = map_slots(fd, 0, 8);

	mount("debugfs", "/sys/kernel/debug", "debugfs", 0, NULL);
	mount("tracefs", "/sys/kernel/tracing", "tracefs", 0, NULL);
	events_count(fd, at);
	pool_is_described(fd);
	traces(fd, at);
	return 0;
}
