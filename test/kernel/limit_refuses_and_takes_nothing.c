// SPDX-License-Identifier: MIT
/*
 * The limit applies to all pools together: a request beyond it is refused at once and takes
 * nothing, a fork that would exceed it harms only the child, and an invalid limit changes nothing
 * (Faults A27, A45).
 */
#include "guest.h"

#define LIMIT 10UL

static void touch_everything(void *arg)
{
	char *at = arg;

	/*
	 * Chunks fill the limit. Copies may use half as many pages beyond it, and one user four
	 * fifths of those.
	 */
	for (size_t i = 0; i < 6 * CHUNK; i += PAGE)
		if (signal_of_write(at + i))
			exit(snapshot_pages() == 4 * CHUNK_PAGES ? 42 : 1);
	exit(0);
}

static void set_limit(const char *text, int error)
{
	unsigned long before = read_number(LIMIT_FILE);

	if (!error) {
		WORKS(write_text(LIMIT_FILE, text));
		return;
	}
	REFUSED(write_text(LIMIT_FILE, text), error);
	EQUAL(read_number(LIMIT_FILE), before);
}

int main(void)
{
	unsigned long usual = read_number(LIMIT_FILE);
	int fd = open_pool(), other = open_pool();
	struct pinned_mem_info before;
	char *at, text[32];
	int status;
	pid_t pid;

	set_limit("-1", EINVAL);
	set_limit("many", EINVAL);
	set_limit("99999999999999999999", ERANGE);
	set_limit("1000000000", EINVAL);
	set_limit("10", 0);
	EQUAL(info_of(fd).limit_chunks, LIMIT);

	WORKS(populate(fd, 0, 6, NULL));
	before = info_of(other);
	REFUSED(populate(other, 0, 5, NULL), EDQUOT);
	UNCHANGED(other, before);
	REFUSED(populate(other, 0, 4096, NULL), EDQUOT);
	UNCHANGED(other, before);
	WORKS(populate(other, 0, 4, NULL));
	REFUSED(populate(other, 4, 1, NULL), EDQUOT);

	at = map_slots(fd, 0, 6);
	fill(at, 6 * CHUNK, 3);
	pid = spawn(touch_everything, at);
	EQUAL(waitpid(pid, &status, 0), pid);
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 42);
	FILLED(at, 6 * CHUNK, 3);
	COMES_TO_COPIES(0);
	WORKS(punch(other, 0, 4));
	COMES_TO_USE(6);

	/* With a limit below the current use nothing is taken back, and nothing more is granted. */
	set_limit("2", 0);
	FILLED(at, 6 * CHUNK, 3);
	REFUSED(populate(other, 0, 1, NULL), EDQUOT);

	/* 0 restores the default. */
	set_limit("0", 0);
	EQUAL(read_number(LIMIT_FILE), usual);
	snprintf(text, sizeof(text), "%lu", usual);
	set_limit(text, 0);
	return 0;
}
