// SPDX-License-Identifier: MIT
/*
 * The reserve can be resized in sysfs, for all nodes or for one, whole or not at all. It is used
 * first, and its chunks are zeroed each time, also if a pin outlived the last owner, who filled
 * them. Used chunks return to the reserve, or to the machine if the reserve has become smaller
 * (Faults A16, A30, A45).
 */
#include "guest.h"

#include <sys/uio.h>

#define SYSFS "/sys/class/misc/pinned_mem/"

static void resize(const char *text, int error)
{
	unsigned long before = read_number(SYSFS "reserve_chunks");

	if (!error) {
		WORKS(write_text(SYSFS "reserve_chunks", text));
		EQUAL(read_number(SYSFS "reserve_chunks"), strtoul(text, NULL, 0));
		return;
	}
	REFUSED(write_text(SYSFS "reserve_chunks", text), error);
	EQUAL(read_number(SYSFS "reserve_chunks"), before);
}

/* Waits until @chunks of the reserve are free, and looks again every @pause_us microseconds. */
static void comes_to_free_looking(unsigned long chunks, unsigned int pause_us)
{
	uint64_t end = now_ns() + 5000000000ULL;

	while (read_number(SYSFS "reserve_free_chunks") != chunks && now_ns() < end)
		if (pause_us)
			usleep(pause_us);
	EQUAL(read_number(SYSFS "reserve_free_chunks"), chunks);
}

static void comes_to_free(unsigned long chunks)
{
	comes_to_free_looking(chunks, 1000);
}

static unsigned int source_of(int fd, unsigned long slot)
{
	struct pinned_mem_query found;

	WORKS(query(fd, slot * CHUNK, &found));
	return found.source;
}

static int populate_from(int fd, unsigned long slot, unsigned int count, uint32_t sources)
{
	struct pinned_mem_populate request = populate_request(slot, count);

	request.sources = sources;
	return ioctl(fd, PINNED_MEM_IOC_POPULATE, &request);
}

static void bad_sizes(void)
{
	resize("-1", EINVAL);
	resize("many", EINVAL);
	resize("99999999999999999999999", ERANGE);
	resize("18446744073709551615", EINVAL);
	/*
	 * Less than the machine's memory but more than is available: the reserve keeps none of it.
	 */
	char text[32];

	snprintf(text, sizeof(text), "%lu", meminfo_kib("MemTotal") * 1024 / CHUNK);
	resize(text, ENOMEM);
	comes_to_free(read_number(SYSFS "reserve_chunks"));
}

static void used_first_and_clean(void)
{
	int fd = open_pool(), round;
	char *at = map_slots(fd, 0, 8);

	for (round = 0; round < 20; round++) {
		WORKS(populate(fd, 0, 8, NULL));
		EQUAL(read_number(SYSFS "reserve_free_chunks"), 0);
		EQUAL(source_of(fd, 0), PINNED_MEM_SOURCE_RESERVE);
		EQUAL(source_of(fd, 7), PINNED_MEM_SOURCE_RESERVE);
		WORKS(populate(fd, 8, 1, NULL));
		EQUAL(source_of(fd, 8), PINNED_MEM_SOURCE_BUDDY);
		ZEROED(at, 8 * CHUNK);
		fill(at, 8 * CHUNK, round);
		WORKS(punch(fd, 0, 9));
		/* Every other round begins as soon as all chunks are zeroed. */
		comes_to_free_looking(8, round % 2 ? 1000 : 0);
	}
	close(fd);
	WORKS(munmap(at, 8 * CHUNK));
}

static void by_name_of_the_source(void)
{
	int fd = open_pool();
	struct pinned_mem_info before = info_of(fd);

	REFUSED(populate_from(fd, 0, 9, PINNED_MEM_SOURCE_RESERVE), ENOMEM);
	UNCHANGED(fd, before);
	comes_to_free(8);
	WORKS(populate_from(fd, 0, 1, PINNED_MEM_SOURCE_BUDDY));
	EQUAL(source_of(fd, 0), PINNED_MEM_SOURCE_BUDDY);
	EQUAL(info_of(fd).reserve_chunks, 8);
	close(fd);
}

static void pin_outlives_the_owner(void)
{
	int fd = open_pool(), ends[2];
	char *at = map_slots(fd, 0, 8);
	static char got[PAGE_MAX];
	struct iovec part = { at + 5 * PAGE, PAGE };

	WORKS(populate(fd, 0, 8, NULL));
	fill(at, 8 * CHUNK, 77);
	memcpy(got, at + 5 * PAGE, PAGE);
	WORKS(pipe(ends));
	EQUAL(vmsplice(ends[1], &part, 1, 0), PAGE);
	WORKS(punch(fd, 0, 8));
	comes_to_free(7);
	EQUAL(read_number(SYSFS "busy_chunks"), 1);
	REFUSED(unload_module(), EWOULDBLOCK);
	WORKS(populate(fd, 0, 8, NULL));
	EQUAL(source_of(fd, 7), PINNED_MEM_SOURCE_BUDDY);
	ZEROED(at, 8 * CHUNK);
	EQUAL(read(ends[0], at, PAGE), PAGE);
	CHECK(!memcmp(at, got, PAGE));
	comes_to_free(1);
	EQUAL(read_number(SYSFS "busy_chunks"), 0);
	close(fd);
	WORKS(munmap(at, 8 * CHUNK));
	close(ends[0]);
	close(ends[1]);
	comes_to_free(8);
}

static void smaller_while_lent(void)
{
	unsigned long before;
	int fd = open_pool();

	WORKS(populate(fd, 0, 8, NULL));
	before = free_memory_kib();
	resize("2", 0);
	comes_to_free(0);
	WORKS(punch(fd, 0, 8));
	comes_to_free(2);
	CHECK(free_memory_kib() + 1024 > before + 6 * CHUNK / 1024);
	close(fd);
}

static void of_one_node(void)
{
	if (access(SYSFS "node1", F_OK))
		return;
	resize("0", 0);
	WORKS(write_text(SYSFS "node1/reserve_chunks", "3"));
	EQUAL(read_number(SYSFS "node0/reserve_chunks"), 0);
	EQUAL(read_number(SYSFS "node1/reserve_free_chunks"), 3);
	EQUAL(read_number(SYSFS "reserve_chunks"), 3);
	REFUSED(write_text(SYSFS "node1/reserve_chunks", "x"), EINVAL);
	WORKS(write_text(SYSFS "node1/reserve_chunks", "0"));
	resize("4", 0);
	EQUAL(read_number(SYSFS "node0/reserve_chunks"), 2);
	EQUAL(read_number(SYSFS "node1/reserve_chunks"), 2);
}

int main(void)
{
	bad_sizes();
	resize("8", 0);
	comes_to_free(8);
	used_first_and_clean();
	by_name_of_the_source();
	pin_outlives_the_owner();
	bad_sizes();
	smaller_while_lent();
	of_one_node();
	resize("0", 0);
	comes_to_free(0);
	return 0;
}
