// SPDX-License-Identifier: MIT
/*
 * A process that receives a pool's descriptor over a socket can use it for INFO only, also after
 * the owner has died. A descriptor that is left in a socket's queue when all processes have ended
 * holds no memory (Faults A15, A43).
 */
#include "guest.h"

#include <sys/socket.h>

#define SLOTS 4UL

static void own_and_send(void *socket)
{
	int fd = open_pool();
	char *at = map_slots(fd, 0, SLOTS);
	char byte;

	WORKS(populate(fd, 0, SLOTS, NULL));
	fill(at, SLOTS * CHUNK, 1);
	send_descriptor(*(int *)socket, fd);
	EQUAL(read(*(int *)socket, &byte, 1), 1);
	FILLED(at, SLOTS * CHUNK, 1);
}

static void is_refused(int fd)
{
	struct pinned_mem_query found;
	struct pinned_mem_info before = info_of(fd);

	REFUSED(populate(fd, SLOTS, 1, NULL), EPERM);
	REFUSED(punch(fd, 0, 1), EPERM);
	REFUSED(query(fd, 0, &found), EPERM);
	REFUSED(mmap(NULL, CHUNK, RW, MAP_SHARED, fd, 0), EPERM);
	UNCHANGED(fd, before);
}

static void receiver_gets_nothing(unsigned long base)
{
	int ends[2], fd;
	pid_t pid;

	WORKS(socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
	pid = spawn(own_and_send, &ends[1]);
	fd = receive_descriptor(ends[0]);
	EQUAL(info_of(fd).used_chunks, base + SLOTS);
	is_refused(fd);
	EQUAL(write(ends[0], "", 1), 1);
	ENDED_WELL(pid);
	COMES_TO_USE(base);
	is_refused(fd);
	close(fd);
	close(ends[0]);
	close(ends[1]);
}

/*
 * Leaves sockets in their own queues, where nobody can reach them any more. The kernel's garbage
 * collector finds them when the next socket is closed.
 */
static void leave_in_queue(void *must_map)
{
	int ends[2], fd = open_pool();

	WORKS(populate(fd, 0, SLOTS, NULL));
	if (must_map)
		map_slots(fd, 0, SLOTS);
	WORKS(socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
	send_descriptor(ends[0], fd);
	send_descriptor(ends[0], ends[0]);
	send_descriptor(ends[0], ends[1]);
	send_descriptor(ends[1], fd);
}

static void collect_sockets(void)
{
	int ends[2];

	WORKS(socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
	close(ends[0]);
	close(ends[1]);
}

/*
 * Waits until the pools themselves are freed: each open file of the device holds a module
 * reference.
 */
static void module_is_unused(void)
{
	uint64_t deadline = now_ns() + 5000000000ULL;

	while (read_number("/sys/module/pinned_mem/refcnt") && now_ns() < deadline)
		;
	EQUAL(read_number("/sys/module/pinned_mem/refcnt"), 0);
}

int main(void)
{
	unsigned long base = used_chunks();
	int round;

	receiver_gets_nothing(base);
	for (round = 0; round < 10; round++) {
		/* The end of the address space has already freed the mapped chunks. */
		ENDED_WELL(spawn(leave_in_queue, "mapped"));
		COMES_TO_USE(base);
		ENDED_WELL(spawn(leave_in_queue, NULL));
		collect_sockets();
		COMES_TO_USE(base);
		module_is_unused();
	}
	return 0;
}
