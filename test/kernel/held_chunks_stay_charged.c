// SPDX-License-Identifier: MIT
/*
 * A chunk counts against each limit until its memory is free, whoever holds the memory: a page in a
 * pipe, or a dma-buf that outlives slot, pool and process. An ordinary user who takes chunks and
 * leaves them with other holders is stopped by the limit, and may take as many again when the
 * holders release them (Faults C2, C11).
 */
#include "guest.h"

#include <grp.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/uio.h>

#define PARAMETER(name) "/sys/module/pinned_mem/parameters/" name
#define RESERVE "/sys/class/misc/pinned_mem/reserve_chunks"
#define NOBODY 65534
#define LIMIT 8
#define ATTEMPTS 60

static int source;
static int holders[ATTEMPTS];
static int n_holders;

static void become_nobody(void)
{
	WORKS(setgroups(0, NULL));
	WORKS(setresgid(NOBODY, NOBODY, NOBODY));
	WORKS(setresuid(NOBODY, NOBODY, NOBODY));
}

static int take(int fd, unsigned int count)
{
	struct pinned_mem_populate request = populate_request(0, count);

	request.sources = source;
	return ioctl(fd, PINNED_MEM_IOC_POPULATE, &request);
}

/* Leaves one byte of slot 0 in a pipe. */
static void leave_in_pipe(int fd)
{
	char *at = map_slots(fd, 0, 1);
	struct iovec byte = { .iov_base = at + 5000, .iov_len = 1 };
	int ends[2];

	WORKS(pipe2(ends, O_CLOEXEC));
	*(at + 5000) = 'x';
	EQUAL(vmsplice(ends[1], &byte, 1, 0), 1);
	close(ends[1]);
	holders[n_holders++] = ends[0];
	WORKS(munmap(at, CHUNK));
}

static void leave_in_dma_buf(int fd)
{
	struct pinned_mem_export request = { .size = sizeof(request), .count = 1 };

	WORKS(ioctl(fd, PINNED_MEM_IOC_EXPORT, &request));
	holders[n_holders++] = request.fd;
}

static void let_go(void)
{
	while (n_holders)
		close(holders[--n_holders]);
}

/*
 * Takes a chunk, leaves it with a holder and punches the slot, again and again until the driver
 * refuses with @error. Returns how many chunks it took.
 */
static int take_and_leave(int fd, void (*leave)(int fd), int error)
{
	while (n_holders < ATTEMPTS) {
		if (take(fd, 1)) {
			EQUAL(errno, error);
			break;
		}
		leave(fd);
		WORKS(punch(fd, 0, 1));
	}
	return n_holders;
}

static void is_refused_at_the_limit(int error)
{
	static void (*const leave[])(int fd) = { leave_in_pipe, leave_in_dma_buf };
	int fd = open_pool();

	for (int i = 0; i < 2; i++) {
		unsigned long used = used_chunks();

		EQUAL(take_and_leave(fd, leave[i], error), LIMIT);
		EQUAL(info_of(fd).pool_chunks, 0);
		EQUAL(used_chunks(), used + LIMIT);
		let_go();
		/* Works at once, since the driver rechecks held chunks before it refuses. */
		WORKS(take(fd, LIMIT));
		WORKS(punch(fd, 0, LIMIT));
	}
	close(fd);
}

static void as_nobody(void *error)
{
	become_nobody();
	is_refused_at_the_limit((int)(uintptr_t)error);
}

static void with_little_memlock(void *error)
{
	const struct rlimit limit = { LIMIT * CHUNK, LIMIT * CHUNK };

	WORKS(setrlimit(RLIMIT_MEMLOCK, &limit));
	as_nobody(error);
}

static void each_limit(void)
{
	char text[32];
	unsigned long limit = read_number(LIMIT_FILE);

	WORKS(write_text(PARAMETER("user_limit_chunks"), "8"));
	ENDED_WELL(spawn(as_nobody, (void *)EDQUOT));
	WORKS(write_text(PARAMETER("user_limit_chunks"), "0"));

	WORKS(write_text(PARAMETER("pool_limit_chunks"), "8"));
	ENDED_WELL(spawn(as_nobody, (void *)EDQUOT));
	WORKS(write_text(PARAMETER("pool_limit_chunks"), "0"));

	COMES_TO_USE(0);
	WORKS(write_text(LIMIT_FILE, "8"));
	ENDED_WELL(spawn(as_nobody, (void *)EDQUOT));
	snprintf(text, sizeof(text), "%lu", limit);
	WORKS(write_text(LIMIT_FILE, text));

	WORKS(write_text(PARAMETER("use_memlock"), "1"));
	ENDED_WELL(spawn(with_little_memlock, (void *)ENOMEM));
	WORKS(write_text(PARAMETER("use_memlock"), "0"));
}

/*
 * A process that takes all chunks it may have, passes them to its parent over a socket, and ends.
 */
static void leave_to_parent(void *socket)
{
	int fd, to = *(int *)socket;
	unsigned int taken = 0;

	become_nobody();
	fd = open_pool();
	while (taken < LIMIT && !take(fd, 1)) {
		leave_in_dma_buf(fd);
		send_descriptor(to, holders[n_holders - 1]);
		WORKS(punch(fd, 0, 1));
		taken++;
	}
	_exit(taken);
}

/* Chunks that dead processes have left count against the living processes of their user. */
static void one_process_after_the_other(void)
{
	const struct rlimit limit = { LIMIT * CHUNK, LIMIT * CHUNK };
	struct rlimit before;
	int ends[2], status, sum = 0;

	WORKS(getrlimit(RLIMIT_MEMLOCK, &before));
	WORKS(setrlimit(RLIMIT_MEMLOCK, &limit));
	WORKS(write_text(PARAMETER("use_memlock"), "1"));
	WORKS(socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
	for (int i = 0; i < 4; i++) {
		pid_t pid = spawn(leave_to_parent, &ends[0]);

		EQUAL(waitpid(pid, &status, 0), pid);
		CHECK(WIFEXITED(status));
		sum += WEXITSTATUS(status);
	}
	EQUAL(sum, LIMIT);
	EQUAL(used_chunks(), LIMIT);
	close(ends[0]);
	close(ends[1]);
	WORKS(write_text(PARAMETER("use_memlock"), "0"));
	WORKS(setrlimit(RLIMIT_MEMLOCK, &before));
	COMES_TO_USE(0);
}

int main(void)
{
	unsigned long killed = processes_killed();

	let_everybody_open(true);
	COMES_TO_USE(0);
	source = PINNED_MEM_SOURCE_BUDDY;
	each_limit();
	one_process_after_the_other();
	source = PINNED_MEM_SOURCE_RESERVE;
	WORKS(write_text(RESERVE, "16"));
	each_limit();
	WORKS(write_text(RESERVE, "0"));
	EQUAL(processes_killed(), killed);
	let_everybody_open(false);
	return 0;
}
