// SPDX-License-Identifier: MIT
/*
 * A descriptor that a ring of io_uring's holds is not the owner's any more: what
 * the owner had mapped is free when he is, the rest and the driver when the ring
 * has gone, be it a moment after its last user; the ring's holder gets nothing
 * (Faults A15, A43).
 */
#include "guest.h"

#include <linux/io_uring.h>
#include <sys/syscall.h>

#define SLOTS 4UL

struct owner {
	int ring; /* or -1: his own */
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

/* Ring, descriptor and mapping go in one exit, the ring's files in a work queue. */
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
	COMES_TO_USE(is_mapping ? base : base + SLOTS);
	close(owner.ring);
	COMES_TO_USE(base);
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
