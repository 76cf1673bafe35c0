// SPDX-License-Identifier: MIT
/*
 * Three things are restricted at once and without effect on others: chunks by limits for each user
 * and each pool, chunks by RLIMIT_MEMLOCK where it is charged, and physical addresses by the policy
 * that says who may learn them (Faults A27, A28, A36).
 */
#include "guest.h"

#include <grp.h>
#include <sys/resource.h>

#define PARAMETER(name) "/sys/module/pinned_mem/parameters/" name
#define NOBODY 65534

static void become_nobody(void)
{
	WORKS(setgroups(0, NULL));
	WORKS(setresgid(NOBODY, NOBODY, NOBODY));
	WORKS(setresuid(NOBODY, NOBODY, NOBODY));
}

static int refused_whole(int fd, unsigned int count, int error)
{
	struct pinned_mem_info before = info_of(fd);

	REFUSED(populate(fd, 100, count, NULL), error);
	UNCHANGED(fd, before);
	EQUAL(info_of(fd).user_chunks, before.user_chunks);
	return 0;
}

static void a_users_pools(void *fds)
{
	int first = ((int *)fds)[0], second, third;

	(void)first;
	become_nobody();
	second = open_pool();
	third = open_pool();
	EQUAL(info_of(second).user_chunks, 0);
	EQUAL(info_of(second).user_limit_chunks, 6);
	WORKS(populate(second, 0, 4, NULL));
	refused_whole(third, 3, EDQUOT);
	WORKS(populate(third, 0, 2, NULL));
	EQUAL(info_of(third).user_chunks, 6);
	refused_whole(second, 1, EDQUOT);
	close(third);
	WORKS(populate(second, 10, 2, NULL));
}

static void for_each_user(void)
{
	int fd = open_pool();

	WORKS(populate(fd, 0, 5, NULL));
	WORKS(write_text(PARAMETER("user_limit_chunks"), "6"));
	ENDED_WELL(spawn(a_users_pools, (int[]){ fd }));
	EQUAL(info_of(fd).user_chunks, 5);
	WORKS(populate(fd, 5, 1, NULL));
	refused_whole(fd, 1, EDQUOT);
	/* With a limit below the current use nothing is taken back. */
	WORKS(write_text(PARAMETER("user_limit_chunks"), "2"));
	EQUAL(info_of(fd).pool_chunks, 6);
	refused_whole(fd, 1, EDQUOT);
	WORKS(write_text(PARAMETER("user_limit_chunks"), "0"));
	WORKS(populate(fd, 6, 1, NULL));
	close(fd);
}

static void for_each_pool(void)
{
	int fd = open_pool(), other = open_pool();

	WORKS(write_text(PARAMETER("pool_limit_chunks"), "3"));
	EQUAL(info_of(fd).pool_limit_chunks, 3);
	refused_whole(fd, 4, EDQUOT);
	WORKS(populate(fd, 0, 3, NULL));
	refused_whole(fd, 1, EDQUOT);
	WORKS(populate(other, 0, 3, NULL));
	WORKS(punch(fd, 0, 1));
	WORKS(populate(fd, 0, 1, NULL));
	WORKS(write_text(PARAMETER("pool_limit_chunks"), "0"));
	close(fd);
	close(other);
	REFUSED(write_text(PARAMETER("pool_limit_chunks"), "-2"), EINVAL);
	REFUSED(write_text(PARAMETER("user_limit_chunks"), "12345678901"), EINVAL);
}

static void as_nobody_with_little_memlock(void *arg)
{
	const struct rlimit limit = { 3 * CHUNK, 3 * CHUNK };
	int fd;

	(void)arg;
	WORKS(setrlimit(RLIMIT_MEMLOCK, &limit));
	become_nobody();
	fd = open_pool();
	refused_whole(fd, 4, ENOMEM);
	WORKS(populate(fd, 0, 3, NULL));
	refused_whole(fd, 1, ENOMEM);
	WORKS(punch(fd, 1, 1));
	WORKS(populate(fd, 1, 1, NULL));
}

static void as_root_with_little_memlock(void *arg)
{
	const struct rlimit limit = { 0, 0 };

	(void)arg;
	WORKS(setrlimit(RLIMIT_MEMLOCK, &limit));
	WORKS(populate(open_pool(), 0, 4, NULL));
}

static void memlock(void)
{
	WORKS(write_text(PARAMETER("use_memlock"), "1"));
	ENDED_WELL(spawn(as_nobody_with_little_memlock, NULL));
	ENDED_WELL(spawn(as_root_with_little_memlock, NULL));
	WORKS(write_text(PARAMETER("use_memlock"), "0"));
	ENDED_WELL(spawn(as_root_with_little_memlock, NULL));
}

static void learns(bool may)
{
	int fd = open_pool();
	struct pinned_mem_info before = info_of(fd);
	struct pinned_mem_query found;
	uint64_t phys = 0;

	EQUAL(!!(before.features & PINNED_MEM_FEATURE_PHYS), may);
	if (may) {
		WORKS(populate(fd, 0, 1, &phys));
		WORKS(query(fd, 0, &found));
		EQUAL(found.phys, phys);
		return;
	}
	REFUSED(populate(fd, 0, 1, &phys), EPERM);
	UNCHANGED(fd, before);
	WORKS(populate(fd, 0, 1, NULL));
	REFUSED(query(fd, 0, &found), EPERM);
	EQUAL(phys, 0);
	ZEROED(map_slots(fd, 0, 1), CHUNK);
}

static void nobody_learns(void *may)
{
	become_nobody();
	learns(may);
}

static void addresses(void)
{
	ENDED_WELL(spawn(nobody_learns, (void *)true));
	WORKS(write_text(PARAMETER("strict_phys"), "1"));
	ENDED_WELL(spawn(nobody_learns, (void *)false));
	learns(true);
	WORKS(write_text(PARAMETER("strict_phys"), "0"));
}

int main(void)
{
	/* Grants access, as an installed system does for the group pinned. */
	let_everybody_open(true);
	for_each_user();
	for_each_pool();
	memlock();
	addresses();
	COMES_TO_USE(1);
	let_everybody_open(false);
	return 0;
}
