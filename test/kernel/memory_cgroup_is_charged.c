// SPDX-License-Identifier: MIT
/*
 * Chunks, and copies for forked children, are charged to the memory cgroup of the process that gets
 * them. Beyond the group's limit POPULATE fails with ENOMEM, no process is killed, and other groups
 * notice nothing. Below the limit the group makes no difference (Fault A27).
 */
#include "guest.h"

#include <sys/mount.h>
#include <sys/stat.h>

#define CGROUPS "/tmp/cgroup"
#define GROUP CGROUPS "/pinned"

static unsigned long value_of(const char *file, const char *key)
{
	FILE *stream = fopen(file, "re");
	unsigned long value = 0;
	char line[128];

	CHECK(stream);
	while (fgets(line, sizeof(line), stream))
		if (!strncmp(line, key, strlen(key)) && line[strlen(key)] == ' ')
			value = strtoul(line + strlen(key), NULL, 10);
	fclose(stream);
	return value;
}

static void enter(void)
{
	char pid[32];

	snprintf(pid, sizeof(pid), "%d", getpid());
	WORKS(write_text(GROUP "/cgroup.procs", pid));
}

/*
 * Memory that was set aside, for the driver or for devices, is not charged, so it is excluded here.
 */
static int populate_charged(int fd, unsigned int slot, unsigned int count)
{
	struct pinned_mem_populate request = populate_request(slot, count);

	request.sources = PINNED_MEM_SOURCE_BUDDY;
	return ioctl(fd, PINNED_MEM_IOC_POPULATE, &request);
}

static void over_the_limit(void *arg)
{
	struct pinned_mem_info before;
	unsigned int slot = 0;
	int fd;

	(void)arg;
	enter();
	fd = open_pool();
	before = info_of(fd);
	REFUSED(populate_charged(fd, 1000, 100), ENOMEM);
	UNCHANGED(fd, before);
	while (!populate_charged(fd, slot, 1))
		slot++;
	EQUAL(errno, ENOMEM);
	/* 64 MiB, less what the process itself needs. */
	CHECK(slot >= 16 && slot <= 32);
	fill(map_slots(fd, 0, slot), slot * CHUNK, 1);
	CHECK(read_number(GROUP "/memory.current") >= slot * CHUNK);
	WORKS(punch(fd, 0, slot));
	CHECK(read_number(GROUP "/memory.current") < 8 * CHUNK);
}

/*
 * Touches the stack and the page tables in advance. If its group is full, a process is killed for
 * the next page of stack or page table that it needs, with or without the driver.
 */
static void has_what_it_needs(char *at)
{
	for (size_t i = 0; i < 40; i++)
		EQUAL(signal_of_read(at + i * CHUNK), 0);
	CHECK(signal_of_read(at + 40 * CHUNK));
}

static void reads_all(void *at)
{
	for (size_t i = 0; i < 40 * CHUNK; i += PAGE)
		if (signal_of_read((char *)at + i))
			_exit(42);
}

/*
 * The owner is outside the group, its child inside: copies are charged to the child, whichever of
 * them causes the copy.
 */
static void copies_are_the_childs(void)
{
	int fd = open_pool(), status;
	char *at = map_slots(fd, 0, 40);
	struct gate is_in = make_gate(), may_go = make_gate();
	unsigned long before;
	pid_t pid;

	WORKS(populate_charged(fd, 0, 40));
	fill(at, 40 * CHUNK, 1);
	pid = WORKS(fork());
	if (!pid) {
		enter();
		has_what_it_needs(at);
		let_pass(&is_in);
		wait_at(&may_go);
		reads_all(at);
		_exit(0);
	}
	wait_at(&is_in);
	before = read_number(GROUP "/memory.current");
	touch_pages(at, 10 * CHUNK);
	CHECK(read_number(GROUP "/memory.current") >= before + 9 * CHUNK);
	/* More than the child's group may have: only the child is harmed. */
	fill(at, 40 * CHUNK, 2);
	FILLED(at, 40 * CHUNK, 2);
	let_pass(&may_go);
	EQUAL(waitpid(pid, &status, 0), pid);
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 42);
	FILLED(at, 40 * CHUNK, 2);
	COMES_TO_COPIES(0);
}

/* In a group with room, as systemd gives every process, the child's snapshot is complete. */
static void child_in_a_group(void *at)
{
	enter();
	FILLED(at, 4 * CHUNK, 1);
	fill(at, 4 * CHUNK, 3);
	FILLED(at, 4 * CHUNK, 3);
}

static void owner_in_a_group(void *arg)
{
	int fd = open_pool();
	char *at = map_slots(fd, 0, 4);

	(void)arg;
	enter();
	WORKS(populate_charged(fd, 0, 4));
	fill(at, 4 * CHUNK, 1);
	ENDED_WELL(spawn(child_in_a_group, at));
	FILLED(at, 4 * CHUNK, 1);
	fill(at, 4 * CHUNK, 2);
	FILLED(at, 4 * CHUNK, 2);
}

int main(void)
{
	WORKS(mkdir(CGROUPS, 0700));
	if (mount("cgroup2", CGROUPS, "cgroup2", 0, NULL) ||
	    write_text(CGROUPS "/cgroup.subtree_control", "+memory"))
		test_skip("this kernel has no memory cgroups");
	WORKS(mkdir(GROUP, 0700));
	WORKS(write_text(GROUP "/memory.max", "67108864"));
	ENDED_WELL(spawn(owner_in_a_group, NULL));
	COMES_TO_USE(0);
	if (!kernel_charges_pages())
		test_skip("this kernel cannot map what it charges to a group");
	ENDED_WELL(spawn(over_the_limit, NULL));
	copies_are_the_childs();
	EQUAL(value_of(GROUP "/memory.events", "oom_kill"), 0);
	return 0;
}
