// SPDX-License-Identifier: MIT
/*
 * The user limit counts all users of a user namespace together with the namespace's owner, also in
 * nested namespaces: many ids get no more than their owner alone (Faults C13).
 */
#include "guest.h"

#include <grp.h>
#include <sched.h>
#include <sys/prctl.h>

#define USER_LIMIT "/sys/module/pinned_mem/parameters/user_limit_chunks"
#define OWNER 4000
#define FIRST_ID 100000
#define IDS 20
#define LIMIT 8

struct family {
	struct gate unshared, mapped, end;
	int sum[2];
};

static void map_ids(pid_t pid, const char *kind, unsigned int inside, unsigned int outside)
{
	char path[64], text[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, kind);
	snprintf(text, sizeof(text), "%u %u %d", inside, outside, IDS);
	WORKS(write_text(path, text));
}

static void become(unsigned int id)
{
	WORKS(setresgid(id, id, id));
	WORKS(setresuid(id, id, id));
}

/* As one id, takes all chunks it can get, reports how many, and keeps them. */
static void take(struct family *family)
{
	int fd = open_pool();
	char taken = 0;

	while (taken < LIMIT + 1 && !populate(fd, taken, 1, NULL))
		taken++;
	if (taken <= LIMIT)
		EQUAL(errno, EDQUOT);
	EQUAL(write(family->sum[1], &taken, 1), 1);
	wait_at(&family->end);
	_exit(0);
}

static void start(unsigned int id, struct family *family)
{
	if (WORKS(fork()))
		return;
	become(id);
	take(family);
}

/* As the owner of a namespace, lets each id in the namespace take all it can get. */
static void owner_of_ids(void *arg)
{
	struct family *family = arg;
	int status;

	WORKS(setgroups(0, NULL));
	become(OWNER);
	WORKS(unshare(CLONE_NEWUSER));
	/* Allows another process to write the id maps. */
	WORKS(prctl(PR_SET_DUMPABLE, 1));
	let_pass(&family->unshared);
	wait_at(&family->mapped);
	become(0);
	for (unsigned int id = 0; id < IDS; id++)
		start(id, family);
	for (unsigned int id = 0; id < IDS; id++)
		EQUAL(wait(&status) > 0 ? status : -1, 0);
}

/* Returns what all ids have taken together. */
static int sum_of(struct family *family, int count)
{
	int sum = 0;
	char taken;

	while (count--) {
		EQUAL(read(family->sum[0], &taken, 1), 1);
		sum += taken;
	}
	return sum;
}

static void ids_of_one_owner(void)
{
	struct family family = {
		.unshared = make_gate(),
		.mapped = make_gate(),
		.end = make_gate(),
	};
	unsigned long base = used_chunks();
	pid_t pid;

	WORKS(pipe(family.sum));
	pid = spawn(owner_of_ids, &family);
	wait_at(&family.unshared);
	map_ids(pid, "uid_map", 0, FIRST_ID);
	map_ids(pid, "gid_map", 0, FIRST_ID);
	let_pass(&family.mapped);
	EQUAL(sum_of(&family, IDS), LIMIT);
	EQUAL(used_chunks(), base + LIMIT);
	/* The owner, outside the namespace, can take nothing more. */
	if (!WORKS(fork())) {
		become(OWNER);
		take(&family);
	}
	EQUAL(sum_of(&family, 1), 0);
	/* Another user can. */
	if (!WORKS(fork())) {
		become(OWNER + 1);
		take(&family);
	}
	EQUAL(sum_of(&family, 1), LIMIT);
	for (int i = 0; i < IDS + 2; i++)
		let_pass(&family.end);
	ENDED_WELL(pid);
	COMES_TO_USE(base);
}

int main(void)
{
	let_everybody_open(true);
	WORKS(write_text(USER_LIMIT, "8"));
	ids_of_one_owner();
	WORKS(write_text(USER_LIMIT, "0"));
	let_everybody_open(false);
	return 0;
}
