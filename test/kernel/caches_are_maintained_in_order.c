// SPDX-License-Identifier: MIT
/*
 * Before the kernel copies a page, it invalidates the caches if the page is mapped uncached or
 * write-combined, since they may hold stale bytes; it does not if the page is a copy that a forked
 * child owns, which is write-back, since there the caches may hold the only current bytes (Faults
 * C8).
 *
 * QEMU has no caches, so no wrong byte can be seen here. Instead, the driver's tracepoints record
 * the order of maintenance and copies, on amd64 as well, where maintenance does nothing. The test
 * does not show whether the DMA interface's calls reach the point of coherency, nor what a
 * speculative read does between the two steps.
 */
#include "guest.h"

#include <sys/mount.h>

#define TRACING "/sys/kernel/tracing/"
#define RECORDS_MAX 64

static char *at;

static void forget(void)
{
	close(WORKS(open(TRACING "trace", O_WRONLY | O_TRUNC | O_CLOEXEC)));
}

/* Checks one record of maintenance: a whole page, done where the architecture needs it. */
static void check_drop(const char *line)
{
	char expected[64];

	snprintf(expected, sizeof(expected), "offset=0 length=%zu done=%d", PAGE, !IS_X86);
	CHECK(strstr(line, expected));
}

/*
 * Checks what was recorded since the last call. Each event is a letter: d for caches dropped, c for
 * a copy.
 */
static void recorded(const char *expected)
{
	char events[RECORDS_MAX + 1] = "", line[512];
	FILE *file = fopen(TRACING "trace", "re");
	size_t n = 0;

	CHECK(file);
	while (fgets(line, sizeof(line), file)) {
		CHECK(n < RECORDS_MAX);
		if (strstr(line, " pinned_mem_cache: ")) {
			CHECK(strstr(line, ": drop "));
			check_drop(line);
			events[n++] = 'd';
		} else if (strstr(line, " pinned_mem_copy: ")) {
			events[n++] = 'c';
		}
	}
	fclose(file);
	if (strcmp(events, expected))
		FAIL("expected the events \"%s\", got \"%s\"", expected, events);
	forget();
}

static const char *from_chunk;

/* Writes to a page that is the parent's own copy. */
static void grandchild(void *arg)
{
	(void)arg;
	FILLED(at, PAGE, 2);
	at[0] ^= 1;
	recorded("c");
	at[0] ^= 1;
	FILLED(at, PAGE, 2);
}

static struct gate may_look;

static void looks(void *arg)
{
	(void)arg;
	wait_at(&may_look);
	FILLED(at, PAGE, 2);
}

static void child(void *arg)
{
	pid_t pid;

	(void)arg;
	at[0] ^= 1;
	recorded(from_chunk);
	at[0] ^= 1;
	FILLED(at, PAGE, 1);
	fill(at, PAGE, 2);
	ENDED_WELL(spawn(grandchild, NULL));
	forget();
	may_look = make_gate();
	pid = spawn(looks, NULL);
	fill(at, PAGE, 3);
	recorded("c");
	let_pass(&may_look);
	ENDED_WELL(pid);
	FILLED(at, PAGE, 3);
	forget();
}

static void of_type(uint32_t type)
{
	struct pinned_mem_populate request = populate_request(0, 1);
	int fd = open_pool();
	struct gate may_end = make_gate();
	pid_t pid;

	request.memory_type = type;
	WORKS(ioctl(fd, PINNED_MEM_IOC_POPULATE, &request));
	at = map_slots(fd, 0, 1);
	fill(at, PAGE, 1);
	forget();
	from_chunk = type == PINNED_MEM_TYPE_UNCACHED || type == PINNED_MEM_TYPE_WRITE_COMBINE
			     ? "dc"
			     : "c";
	ENDED_WELL(spawn(child, NULL));
	FILLED(at, PAGE, 1);
	pid = WORKS(fork());
	if (!pid) {
		wait_at(&may_end);
		FILLED(at, PAGE, 1);
		_exit(0);
	}
	forget();
	fill(at, PAGE, 2);
	recorded(from_chunk);
	let_pass(&may_end);
	ENDED_WELL(pid);
	WORKS(munmap(at, CHUNK));
	close(fd);
	COMES_TO_USE(0);
}

int main(void)
{
	mount("tracefs", "/sys/kernel/tracing", "tracefs", 0, NULL);
	WORKS(write_text(TRACING "events/pinned_mem/pinned_mem_cache/enable", "1"));
	WORKS(write_text(TRACING "events/pinned_mem/pinned_mem_copy/enable", "1"));
	for (uint32_t type = 0; type <= PINNED_MEM_TYPE_CACHED; type++)
		of_type(type);
	WORKS(write_text(TRACING "events/pinned_mem/enable", "0"));
	forget();
	return 0;
}
