// SPDX-License-Identifier: MIT
/*
 * Another driver that holds a program's memory is told, once, when the program punches a part of
 * the memory, gives its pool up, or dies; and of nothing else. The driver chooses: what it keeps
 * stays its own, with its contents, and what it releases is free (Faults A42, A48).
 */
#include "guest.h"

#include "vendor_sample.h"

#define SLOTS 4UL

static char *at;

static int open_vendor(void)
{
	return WORKS(open(VENDOR_DEVICE, O_RDWR | O_CLOEXEC));
}

static int make_memory(void)
{
	int fd = open_pool();

	WORKS(populate(fd, 0, SLOTS, NULL));
	at = map_slots(fd, 0, SLOTS);
	fill(at, SLOTS * CHUNK, 7);
	return fd;
}

static void hold(int vendor, unsigned long slot, unsigned long count, bool lets_go)
{
	struct vendor_request request = {
		.addr = (uintptr_t)at + slot * CHUNK,
		.length = count * CHUNK,
		.to_memory = lets_go,
	};

	WORKS(ioctl(vendor, VENDOR_IOC_HOLD_REVOCABLE, &request));
}

static unsigned long notices(int vendor)
{
	struct vendor_request request = { .addr = 0 };

	WORKS(ioctl(vendor, VENDOR_IOC_NOTICES, &request));
	return request.sum;
}

static void comes_to_notices(int vendor, unsigned long count)
{
	uint64_t end = now_ns() + 20000000000ULL;

	while (notices(vendor) != count && now_ns() < end)
		usleep(1000);
	EQUAL(notices(vendor), count);
}

static void touches(void *arg)
{
	(void)arg;
	at[2 * CHUNK] ^= 1;
}

static void punched(void)
{
	unsigned long base = used_chunks();
	int fd = make_memory(), keeps = open_vendor(), lets_go = open_vendor();

	hold(keeps, 1, 2, false);
	hold(lets_go, 2, 2, true);
	WORKS(punch(fd, 0, 1));
	ENDED_WELL(spawn(touches, NULL));
	WORKS(munmap(at, CHUNK));
	EQUAL(notices(keeps) + notices(lets_go), 0);
	WORKS(punch(fd, 3, 1));
	comes_to_notices(lets_go, 1);
	COMES_TO_USE(base + 2);
	EQUAL(notices(keeps), 0);
	WORKS(punch(fd, 1, 2));
	comes_to_notices(keeps, 1);
	EQUAL(used_chunks(), base + 2);
	/* A notice is given once, and a new hold is told again. */
	WORKS(populate(fd, 1, 1, NULL));
	hold(lets_go, 1, 1, true);
	WORKS(punch(fd, 1, 1));
	comes_to_notices(lets_go, 2);
	COMES_TO_USE(base + 2);
	EQUAL(notices(keeps), 1);
	WORKS(ioctl(keeps, VENDOR_IOC_RELEASE));
	COMES_TO_USE(base);
	close(keeps);
	close(lets_go);
	close(fd);
	WORKS(munmap(at + CHUNK, (SLOTS - 1) * CHUNK));
}

static int vendors[2];

static void dies(void *arg)
{
	(void)arg;
	make_memory();
	hold(vendors[0], 0, 2, false);
	hold(vendors[1], 2, 2, true);
	raise(SIGKILL);
}

static void gives_up(void *arg)
{
	int fd = make_memory();

	(void)arg;
	hold(vendors[0], 0, 2, false);
	hold(vendors[1], 2, 2, true);
	WORKS(munmap(at, SLOTS * CHUNK));
	EQUAL(notices(vendors[0]), 0);
	close(fd);
	comes_to_notices(vendors[0], 1);
}

static struct gate child_may_end;

/* The owner's child lives on, without the files of the other driver. */
static pid_t fork_orphan(void)
{
	pid_t pid = WORKS(fork());

	if (!pid) {
		close(vendors[0]);
		close(vendors[1]);
	}
	return pid;
}

/* The owner dies without a mapping, and a child has the descriptor, which it cannot use. */
static void leaves_a_descriptor(void *arg)
{
	int fd = make_memory();

	(void)arg;
	(void)fd;
	hold(vendors[0], 0, 2, false);
	hold(vendors[1], 2, 2, true);
	WORKS(munmap(at, SLOTS * CHUNK));
	if (!fork_orphan()) {
		wait_at(&child_may_end);
		_exit(0);
	}
}

/* The same, and nobody has a descriptor: a child has a mapping of a slot that it has copied. */
static void leaves_a_mapping(void *arg)
{
	struct gate is_ready = make_gate();
	int fd = make_memory();

	(void)arg;
	hold(vendors[0], 0, 2, false);
	hold(vendors[1], 2, 2, true);
	if (!fork_orphan()) {
		close(fd);
		WORKS(munmap(at, 3 * CHUNK));
		fill(at + 3 * CHUNK, CHUNK, 9);
		let_pass(&is_ready);
		wait_at(&child_may_end);
		FILLED(at + 3 * CHUNK, CHUNK, 9);
		_exit(0);
	}
	wait_at(&is_ready);
	WORKS(munmap(at, SLOTS * CHUNK));
	close(fd);
	EQUAL(notices(vendors[0]), 0);
}

static void owner_goes(void (*how)(void *))
{
	unsigned long base = used_chunks();
	pid_t pid;

	vendors[0] = open_vendor();
	vendors[1] = open_vendor();
	child_may_end = make_gate();
	pid = spawn(how, NULL);
	ENDED_OR_KILLED(pid);
	comes_to_notices(vendors[0], 1);
	comes_to_notices(vendors[1], 1);
	COMES_TO_USE(base + 2);
	close(vendors[0]);
	close(vendors[1]);
	COMES_TO_USE(base);
	let_pass(&child_may_end);
	close(child_may_end.fds[0]);
	close(child_may_end.fds[1]);
	COMES_TO_COPIES(0);
}

int main(void)
{
	WORKS(load_module_file("/modules/vendor_sample.ko"));
	punched();
	owner_goes(dies);
	owner_goes(gives_up);
	owner_goes(leaves_a_descriptor);
	owner_goes(leaves_a_mapping);
	/* A file that is closed while a notice may be under way. */
	for (int i = 0; i < 50; i++) {
		int fd = make_memory(), vendor = open_vendor();

		hold(vendor, 0, SLOTS, i % 2);
		WORKS(punch(fd, 0, SLOTS));
		close(vendor);
		close(fd);
		WORKS(munmap(at, SLOTS * CHUNK));
	}
	COMES_TO_USE(0);
	WORKS(unload_module_named("vendor_sample"));
	return 0;
}
