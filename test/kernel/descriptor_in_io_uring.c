// SPDX-License-Identifier: MIT
/*
 * A descriptor that is registered in an io_uring outlives its owner. The chunks are freed when the
 * owner ends, whether they are mapped or not; the driver's reference is released when the ring is
 * gone, which may be a moment after its last user ended. The ring's holder gains no access (Faults
 * A15, A43).
 */
#include "guest.h"

#include <linux/io_uring.h>
#include <sys/syscall.h>

#define SLOTS 4UL

struct owner {
	int ring; /* -1: the owner makes a ring of its own */
	bool is_mapping;
};

static int make_ring(void)
{
	struct io_uring_params params = { 0 };

	return WORKS(syscall(SYS_io_uring_setup, 4, &params));
}

static void register_file(int ring, int fd)
{
	WORKS(syscall(SYS_io_uring_register, ring, IORING_REGISTER_FILES, &fd, 1));
}

static unsigned long driver_users(void)
{
	return read_number("/sys/module/pinned_mem/refcnt");
}

static void driver_becomes_unused(void)
{
	uint64_t deadline = now_ns() + 10000000000ULL;

	while (driver_users() && now_ns() < deadline)
		;
	EQUAL(driver_users(), 0);
}

static void own(void *arg)
{
	const struct owner *owner = arg;
	int fd = open_pool();

	WORKS(populate(fd, 0, SLOTS, NULL));
	if (owner->is_mapping)
		fill(map_slots(fd, 0, SLOTS), SLOTS * CHUNK, 5);
	register_file(owner->ring < 0 ? make_ring() : owner->ring, fd);
}

/* One exit ends ring, descriptor and mapping; a work queue closes the ring's files. */
static void ring_dies_with_owner(bool is_mapping, unsigned long base)
{
	struct owner owner = { .ring = -1, .is_mapping = is_mapping };

	ENDED_WELL(spawn(own, &owner));
	COMES_TO_USE(base);
	driver_becomes_unused();
}

static void ring_outlives_owner(bool is_mapping, unsigned long base)
{
	struct owner owner = { .ring = make_ring(), .is_mapping = is_mapping };

	ENDED_WELL(spawn(own, &owner));
	CHECK(driver_users());
	REFUSED(unload_module(), EWOULDBLOCK);
	COMES_TO_USE(base);
	close(owner.ring);
	driver_becomes_unused();
}

int main(void)
{
	unsigned long base = used_chunks();
	int round;

	for (round = 0; round < 5; round++) {
		ring_dies_with_owner(true, base);
		ring_dies_with_owner(false, base);
		ring_outlives_owner(true, base);
		ring_outlives_owner(false, base);
	}
	return 0;
}
