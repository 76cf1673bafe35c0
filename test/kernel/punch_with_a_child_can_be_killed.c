// SPDX-License-Identifier: MIT
/*
 * A process that is killed while its PUNCH copies chunks for a forked child ends before the copies
 * are complete, and the child still sees its whole snapshot (Faults C19).
 */
#include "guest.h"

#define SLOTS 120U

struct shared {
	struct gate forked, end;
};

static void has_a_child_and_punches(void *arg)
{
	struct shared *shared = arg;
	int fd = open_pool();
	char *at = map_slots(fd, 0, SLOTS);

	WORKS(populate(fd, 0, SLOTS, NULL));
	for (unsigned int i = 0; i < SLOTS; i++)
		fill(at + i * CHUNK, PAGE, i);
	if (!WORKS(fork())) {
		let_pass(&shared->forked);
		wait_at(&shared->end);
		/* A page of the first chunk, which was copied, and a page of the last. */
		FILLED(at, PAGE, 0);
		FILLED(at + (SLOTS - 1) * CHUNK, PAGE, SLOTS - 1);
		let_pass(&shared->forked);
		_exit(0);
	}
	wait_at(&shared->forked);
	let_pass(&shared->forked);
	punch(fd, 0, SLOTS);
}

int main(void)
{
	struct shared shared = { make_gate(), make_gate() };
	unsigned long base = snapshot_pages();
	int status;
	pid_t pid;

	pid = spawn(has_a_child_and_punches, &shared);
	while (snapshot_pages() == base)
		CHECK(!waitpid(pid, &status, WNOHANG));
	WORKS(kill(pid, SIGKILL));
	EQUAL(waitpid(pid, &status, 0), pid);
	CHECK(WIFSIGNALED(status));
	CHECK(snapshot_pages() < base + SLOTS * CHUNK_PAGES);
	wait_at(&shared.forked);
	let_pass(&shared.end);
	wait_at(&shared.forked);
	COMES_TO_COPIES(base);
	COMES_TO_USE(0);
	return 0;
}
