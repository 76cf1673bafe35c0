// SPDX-License-Identifier: MIT
/*
 * A process is killed while a device that it programmed with physical addresses writes into its
 * heap. The transfer ends in memory that belongs to nobody, however much memory others take
 * meanwhile (Fault A48).
 */
#include "guest.h"

#include "edu.h"

#define SLOTS 2UL
#define CHUNKS 200UL
#define TIME "/sys/module/pinned_mem/parameters/quarantine_ms"
#define RESTING "/sys/class/misc/pinned_mem/resting_chunks"

static struct edu *edu;

/* Starts a write into the middle of each slot, and is killed before the writes can end. */
static void victim(void *arg)
{
	int fd = open_pool();
	uint64_t phys[SLOTS];

	(void)arg;
	WORKS(populate(fd, 0, SLOTS, phys));
	touch_pages(map_slots(fd, 0, SLOTS), SLOTS * CHUNK);
	WORKS(edu_start_write_memory(edu, phys[1] + CHUNK / 2, EDU_TRANSFER_MAX));
	raise(SIGKILL);
}

/* Loads the device's buffer with a pattern that no other process uses. */
static void load_device(void)
{
	int fd = open_pool();
	char *at = map_slots(fd, 0, 1);
	uint64_t phys;

	WORKS(populate(fd, 0, 1, &phys));
	memset(at, 0xd5, PAGE);
	WORKS(edu_read_memory(edu, phys, EDU_TRANSFER_MAX));
	WORKS(punch(fd, 0, 1));
	close(fd);
	WORKS(munmap(at, CHUNK));
}

static void others_take_memory(char *heap, int fd)
{
	char *anonymous = mmap(NULL, CHUNKS / 2 * CHUNK, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	CHECK(anonymous != MAP_FAILED);
	memset(anonymous, 0x11, CHUNKS / 2 * CHUNK);
	WORKS(populate(fd, 0, CHUNKS, NULL));
	fill(heap, CHUNKS * CHUNK, 8);
	/* The transfers in flight arrive while the others use their memory. */
	WORKS(edu_wait(edu));
	FILLED(heap, CHUNKS * CHUNK, 8);
	for (size_t i = 0; i < CHUNKS / 2 * CHUNK; i++)
		CHECK(anonymous[i] == 0x11);
	WORKS(munmap(anonymous, CHUNKS / 2 * CHUNK));
	WORKS(punch(fd, 0, CHUNKS));
}

int main(void)
{
	int fd = open_pool();
	char *heap = map_slots(fd, 0, CHUNKS);
	pid_t pid;

	edu = edu_open();
	if (!edu)
		test_skip("no edu device");
	/*
	 * Longer than a transfer on a slow machine. In production the administrator chooses the
	 * time.
	 */
	WORKS(write_text(TIME, "20000"));
	for (int i = 0; i < 2; i++) {
		load_device();
		pid = spawn(victim, NULL);
		ENDED_OR_KILLED(pid);
		CHECK(read_number(RESTING) >= SLOTS);
		others_take_memory(heap, fd);
	}
	WORKS(write_text(TIME, "1000"));
	return 0;
}
