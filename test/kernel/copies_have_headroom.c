// SPDX-License-Identifier: MIT
/*
 * Forked children's copies may use memory beyond the limit (headroom) that chunks cannot use. One
 * user's children can use at most four fifths of the headroom, so that other users' children get
 * some. The kernel log names a child that gets no copy (Faults C3).
 */
#include "guest.h"

#define LIMIT 10UL
#define OTHER_USER 12345

/* Pages that copies may use beyond the limit, and how many of them one user may have. */
#define HEADROOM (LIMIT / 2 * CHUNK_PAGES)
#define ONE_USERS (HEADROOM * 4 / 5)

struct child {
	char *at;
	struct gate done, go;
};

static void writes_all_it_can(void *arg)
{
	struct child *child = arg;
	size_t written = 0;

	while (written < (LIMIT - 1) * CHUNK_PAGES && !signal_of_write(child->at + written * PAGE))
		written++;
	EQUAL(written, ONE_USERS);
	EQUAL(snapshot_pages(), ONE_USERS);
	/* Reading shares the parent's page and needs no copy. */
	FILLED(child->at + (LIMIT - 2) * CHUNK, CHUNK / 2, 1);
	let_pass(&child->done);
	wait_at(&child->go);
}

static void writes_some(void *at)
{
	for (size_t page = 0; page < 100; page++)
		EQUAL(signal_of_write((char *)at + page * PAGE), 0);
}

static void another_user(void *arg)
{
	struct child *crowd = arg;
	char *at;
	int fd;

	WORKS(setuid(OTHER_USER));
	fd = open_pool();
	WORKS(populate(fd, 0, 1, NULL));
	at = map_slots(fd, 0, 1);
	fill(at, CHUNK, 2);
	REFUSED(populate(fd, 1, 1, NULL), EDQUOT);
	let_pass(&crowd->done);
	wait_at(&crowd->go);
	ENDED_WELL(spawn(writes_some, at));
}

static bool log_has(const char *text)
{
	int fd = (int)WORKS(open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC));
	char line[8192];
	bool has = false;
	ssize_t length;

	while (!has && (length = read(fd, line, sizeof(line) - 1)) > 0) {
		line[length] = 0;
		has = strstr(line, text);
	}
	close(fd);
	return has;
}

int main(void)
{
	unsigned long usual = read_number(LIMIT_FILE);
	struct child hungry = { NULL, make_gate(), make_gate() };
	struct child other = { NULL, make_gate(), make_gate() };
	pid_t hungry_pid, other_pid;
	char text[64];
	int fd;

	let_everybody_open(true);
	snprintf(text, sizeof(text), "%lu", LIMIT);
	EQUAL(write_text(LIMIT_FILE, text), 0);
	fd = open_pool();
	WORKS(populate(fd, 0, LIMIT - 1, NULL));
	hungry.at = map_slots(fd, 0, LIMIT - 1);
	for (size_t i = 0; i < LIMIT - 1; i++)
		fill(hungry.at + i * CHUNK, CHUNK / 2, 1);
	other_pid = spawn(another_user, &other);
	wait_at(&other.done);
	hungry_pid = spawn(writes_all_it_can, &hungry);
	wait_at(&hungry.done);
	let_pass(&other.go);
	ENDED_WELL(other_pid);
	let_pass(&hungry.go);
	ENDED_WELL(hungry_pid);
	snprintf(text, sizeof(text), "(pid %d): no memory to copy what it inherited", hungry_pid);
	CHECK(log_has(text));
	COMES_TO_COPIES(0);
	snprintf(text, sizeof(text), "%lu", usual);
	EQUAL(write_text(LIMIT_FILE, text), 0);
	let_everybody_open(false);
	return 0;
}
