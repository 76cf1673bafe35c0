// SPDX-License-Identifier: MIT
/*
 * Nothing that the owner does after a fork changes the child's snapshot: PUNCH, filling the slot
 * again, mappings that were made after the fork or that the child does not inherit, pages that the
 * kernel has pinned. Pinned pages keep their physical address (Faults A2, A4, A20, A21).
 */
#include "guest.h"

#include <sys/uio.h>

#define SLOTS 4UL

static int fd;
static char *at;
static struct gate may_look, has_looked;

static void looks(void *arg)
{
	(void)arg;
	wait_at(&may_look);
	FILLED(at, SLOTS * CHUNK, 1);
	EQUAL(signal_of_read(at + SLOTS * CHUNK), SIGBUS);
	fill(at, SLOTS * CHUNK, 9);
	FILLED(at, SLOTS * CHUNK, 9);
	let_pass(&has_looked);
}

static pid_t begin(void)
{
	fill(at, SLOTS * CHUNK, 1);
	return spawn(looks, NULL);
}

static void finish(pid_t pid)
{
	let_pass(&may_look);
	wait_at(&has_looked);
	ENDED_WELL(pid);
	COMES_TO_COPIES(0);
	map_again(fd, at, 0, SLOTS + 1);
}

static void punched_and_filled_again(void)
{
	pid_t pid = begin();

	at[PAGE] = 7;
	WORKS(punch(fd, 0, 2));
	EQUAL(signal_of_read(at), SIGBUS);
	EQUAL(snapshot_pages(), 2 * CHUNK_PAGES);
	WORKS(populate(fd, 0, 1, NULL));
	ZEROED(at, CHUNK);
	fill(at, CHUNK, 4);
	WORKS(populate(fd, SLOTS, 1, NULL));
	fill(at + SLOTS * CHUNK, CHUNK, 4);
	WORKS(punch(fd, 0, 1));
	WORKS(populate(fd, 0, 2, NULL));
	finish(pid);
	WORKS(punch(fd, SLOTS, 1));
}

/* Maps the same slots again, huge throughout, in a mapping that the child does not inherit. */
static void other_mappings(void)
{
	char *kept = map_slots(fd, 0, SLOTS), *made;
	pid_t pid;

	WORKS(madvise(kept, SLOTS * CHUNK, MADV_DONTFORK));
	touch_pages(kept, SLOTS * CHUNK);
	pid = begin();
	fill(kept, CHUNK, 5);
	made = map_slots(fd, 1, 1);
	fill(made, CHUNK, 5);
	if (info_of(fd).features & PINNED_MEM_FEATURE_HUGE_MAP) {
		EQUAL(smaps_kib(kept, "FilePmdMapped"), CHUNK / 1024);
		EQUAL(smaps_kib(made, "FilePmdMapped"), CHUNK / 1024);
	}
	FILLED(at, CHUNK, 5);
	FILLED(at + CHUNK, CHUNK, 5);
	finish(pid);
	WORKS(munmap(kept, SLOTS * CHUNK));
	WORKS(munmap(made, CHUNK));
}

/* Pages in a pipe stay where they are: the pipe shows what the owner writes later. */
static void pinned_before_the_fork(void)
{
	static char got[PAGE_MAX], want[PAGE_MAX];
	struct iovec part = { at + 2 * PAGE, PAGE };
	uint64_t phys;
	int ends[2];
	pid_t pid;

	WORKS(pipe(ends));
	fill(at, SLOTS * CHUNK, 1);
	EQUAL(vmsplice(ends[1], &part, 1, 0), PAGE);
	phys = phys_of(at + 2 * PAGE);
	pid = begin();
	memset(at + 2 * PAGE, 0x5a, PAGE);
	EQUAL(phys_of(at + 2 * PAGE), phys);
	EQUAL(read(ends[0], got, PAGE), PAGE);
	memset(want, 0x5a, PAGE);
	CHECK(!memcmp(got, want, PAGE));
	finish(pid);
	close(ends[0]);
	close(ends[1]);
}

/* When the kernel writes to the owner's memory, it must make the copy too. */
static void read_into_it_after_the_fork(void)
{
	struct iovec to = { at + 7 * PAGE, 3 * PAGE };
	static char from[3 * PAGE_MAX];
	struct iovec source = { from, 3 * PAGE };
	pid_t pid = begin();

	EQUAL(process_vm_readv(getpid(), &to, 1, &source, 1, 0), 3 * PAGE);
	ZEROED(at + 7 * PAGE, 3 * PAGE);
	EQUAL(snapshot_pages(), 3);
	finish(pid);
}

/*
 * When another process writes to the child's memory, it changes the child's copy, not the owner's
 * page.
 */
static void written_by_the_parent(void)
{
	char byte = 'p', *page = at + CHUNK + 3 * PAGE;
	struct iovec local = { &byte, 1 }, remote = { page, 1 };
	pid_t pid;

	fill(at, SLOTS * CHUNK, 1);
	byte = *page;
	pid = spawn(looks, NULL);
	EQUAL(process_vm_writev(pid, &local, 1, &remote, 1, 0), 1);
	EQUAL(snapshot_pages(), 1);
	*page = 'o';
	finish(pid);
}

int main(void)
{
	fd = open_pool();
	may_look = make_gate();
	has_looked = make_gate();
	WORKS(populate(fd, 0, SLOTS, NULL));
	at = map_slots(fd, 0, SLOTS + 1);
	punched_and_filled_again();
	other_mappings();
	pinned_before_the_fork();
	read_into_it_after_the_fork();
	written_by_the_parent();
	return 0;
}
