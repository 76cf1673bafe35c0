// SPDX-License-Identifier: MIT
/*
 * Nothing moves pinned memory: neither page migration between nodes, nor compaction, nor memory
 * offlining, nor userfaultfd, nor remapping. Impossible requests are refused, and the rest of the
 * process is not harmed (Faults A24, A25).
 */
#include "guest.h"

#include <linux/mempolicy.h>
#include <linux/userfaultfd.h>
#include <sys/syscall.h>

#define SLOTS 8UL

static char *at;
static uint64_t phys[SLOTS];

static void is_where_it_was(void)
{
	size_t page;

	FILLED(at, SLOTS * CHUNK, 4);
	for (page = 0; page < SLOTS * CHUNK_PAGES; page += 31)
		EQUAL(phys_of(at + page * PAGE),
		      phys[page / CHUNK_PAGES] + page % CHUNK_PAGES * PAGE);
}

/* The node may not exist; then the kernel refuses before it looks at any page. */
static void to_node(int node)
{
	void *pages[3] = { at, at + 5 * PAGE, at + CHUNK };
	int nodes[3] = { node, node, node }, status[3];
	unsigned long from = 1, to = 1UL << node;

	if (syscall(SYS_move_pages, 0, 3L, pages, nodes, status, MPOL_MF_MOVE_ALL) < 0)
		CHECK(errno == ENODEV || errno == ENOENT);
	is_where_it_was();
	if (syscall(SYS_migrate_pages, 0, 8L, &from, &to) < 0)
		EQUAL(errno, EINVAL);
	is_where_it_was();
	if (syscall(SYS_mbind, at, CHUNK, MPOL_BIND, &to, 8L, MPOL_MF_MOVE_ALL) < 0)
		CHECK(errno == EINVAL || errno == EIO);
	is_where_it_was();
}

/* Makes the kernel compact memory, as a program does that needs much contiguous memory. */
static void while_memory_is_compacted(void)
{
	int fd = open_pool();
	unsigned int slot;

	for (slot = 0; slot < 200; slot += 8)
		WORKS(populate(fd, slot, 8, NULL));
	for (slot = 0; slot < 200; slot += 2)
		WORKS(punch(fd, slot, 1));
	WORKS(write_text("/proc/sys/vm/compact_memory", "1"));
	is_where_it_was();
	close(fd);
}

/*
 * Tries to take off line the block of physical memory that contains a chunk, if the kernel can do
 * that at all.
 */
static void memory_goes_off_line(void)
{
	FILE *file = fopen("/sys/devices/system/memory/block_size_bytes", "re");
	char path[80], state[16] = "";
	unsigned long size;

	if (!file)
		return;
	EQUAL(fscanf(file, "%lx", &size), 1);
	fclose(file);
	snprintf(path, sizeof(path), "/sys/devices/system/memory/memory%lu/state",
		 (unsigned long)(phys[0] / size));
	/*
	 * EINVAL: a block that contains a hole or belongs to two nodes cannot be taken off line
	 * anyway.
	 */
	CHECK(write_text(path, "offline") < 0 && (errno == EBUSY || errno == EINVAL));
	file = fopen(path, "re");
	CHECK(file && fgets(state, sizeof(state), file));
	fclose(file);
	CHECK(!strcmp(state, "online\n"));
	is_where_it_was();
}

static void no_user_fault_handling(void)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register range = {
		.range = { .start = (uintptr_t)at, .len = SLOTS * CHUNK },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC);

	if (fd < 0) {
		EQUAL(errno, ENOSYS);
		return;
	}
	WORKS(ioctl(fd, UFFDIO_API, &api));
	REFUSED(ioctl(fd, UFFDIO_REGISTER, &range), EINVAL);
	close(fd);
	is_where_it_was();
}

/* The mapping shows another slot afterwards, and no page moves. */
static void remapped(void)
{
	WORKS(remap_file_pages(at, CHUNK, 0, 2 * CHUNK_PAGES, 0));
	CHECK(!memcmp(at, at + 2 * CHUNK, CHUNK));
	EQUAL(phys_of(at), phys[2]);
	WORKS(remap_file_pages(at, CHUNK, 0, 0, 0));
	is_where_it_was();
	REFUSED(remap_file_pages(at, CHUNK, 0, -CHUNK_PAGES, 0), EINVAL);
	is_where_it_was();
}

int main(void)
{
	int fd = open_pool();

	WORKS(populate(fd, 0, SLOTS, phys));
	at = map_slots(fd, 0, SLOTS);
	fill(at, SLOTS * CHUNK, 4);
	to_node(0);
	to_node(1);
	while_memory_is_compacted();
	memory_goes_off_line();
	no_user_fault_handling();
	remapped();
	return 0;
}
