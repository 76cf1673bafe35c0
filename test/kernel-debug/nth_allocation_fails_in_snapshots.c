// SPDX-License-Identifier: MIT
/*
 * If an allocation fails while memory is made for forked children, the owner notices nothing; a
 * child misses a page or sees the right one, and never loses a page that it already has. Each
 * allocation fails once: for pages that two children share, for a child's own child, when a dead
 * child's pages are merged into its heir's, and for all of that under a memory cgroup (Faults A3,
 * A20, A27, A32).
 */
#include "nth.h"

#include <sys/mount.h>
#include <sys/stat.h>

#define CGROUPS "/tmp/nth-cgroup"
#define GROUP CGROUPS "/nth"
/* Exit status: an allocation was made to fail. */
#define HAS_FAILED 3
/* The difference between what a child writes to its first slot and what it inherited. */
#define OF_CHILD 10000

static struct gate may_look;
static pid_t other;

/* The child's steps: first without failures, then with one; and what must hold at the end. */
struct act {
	const char *name;
	void (*before_fork)(void); /* in the owner */
	void (*prepare)(void);
	void (*run)(void);
	void (*finish)(void);
};

static unsigned long seed_of(unsigned long page, unsigned long more)
{
	return page < CHUNK_PAGES ? page + more : page;
}

/* Checks that no page is missing. */
static void sees(unsigned long more)
{
	for (unsigned long page = 0; page < NTH_PAGES; page += NTH_PAGE_STEP)
		FILLED(nth.at + page * PAGE, PAGE, seed_of(page, more));
}

static void sees_or_lacks(unsigned long more)
{
	for (unsigned long page = 0; page < NTH_PAGES; page += NTH_PAGE_STEP)
		if (!signal_of_read(nth.at + page * PAGE))
			FILLED(nth.at + page * PAGE, PAGE, seed_of(page, more));
}

static void sees_the_owners(void)
{
	sees(0);
}

/* Two children share a page that the owner has changed since their fork. */

static void waits_and_sees(void *arg)
{
	(void)arg;
	wait_at(&may_look);
	sees(0);
}

static void have_sibling(void)
{
	other = spawn(waits_and_sees, NULL);
}

static void touch_all(void)
{
	for (unsigned long page = 0; page < NTH_PAGES; page += NTH_PAGE_STEP)
		signal_of_read(nth.at + page * PAGE);
}

/* A child's own child gets the first slot from its parent, and the second from the owner. */

static void write_own(void)
{
	for (unsigned long page = 0; page < CHUNK_PAGES; page += NTH_PAGE_STEP)
		fill(nth.at + page * PAGE, PAGE, page + OF_CHILD);
}

static void heir_sees(void *arg)
{
	(void)arg;
	wait_at(&may_look);
	sees(OF_CHILD);
}

static void heir_sees_or_lacks(void *arg)
{
	(void)arg;
	wait_at(&may_look);
	sees_or_lacks(OF_CHILD);
}

static void have_heir(void)
{
	write_own();
	other = spawn(heir_sees, NULL);
}

static void have_heir_that_may_lack(void)
{
	write_own();
	other = spawn(heir_sees_or_lacks, NULL);
}

static void heir_looks(void)
{
	let_pass(&may_look);
	ENDED_WELL(other);
}

static void fork_once(void)
{
	other = fork();
	if (!other) {
		wait_at(&may_look);
		sees_or_lacks(OF_CHILD);
		_exit(0);
	}
	CHECK(other > 0 || errno == ENOMEM || errno == EAGAIN);
}

static void forked_looks(void)
{
	sees(OF_CHILD);
	if (other > 0)
		heir_looks();
}

/* Writes fault by fault; each fault first copies what the heir needs. */
static void write_again(void)
{
	for (unsigned long page = 0; page < CHUNK_PAGES; page += NTH_PAGE_STEP)
		if (!signal_of_write(nth.at + page * PAGE))
			fill(nth.at + page * PAGE, PAGE, page);
}

/* When the last mapping goes, the heir gets all remaining pages at once. */
static void unmap_all(void)
{
	/* If an allocation of munmap() itself fails, nothing has changed. */
	if (munmap(nth.at, NTH_SLOTS * CHUNK))
		WORKS(munmap(nth.at, NTH_SLOTS * CHUNK));
}

static const struct act acts[] = {
	{ "touch of a shared page", have_sibling, NULL, touch_all, sees_the_owners },
	{ "fork of a child", NULL, write_own, fork_once, forked_looks },
	{ "touch of an heir's page", NULL, have_heir_that_may_lack, write_again, heir_looks },
	{ "merge into an heir", NULL, have_heir, unmap_all, heir_looks },
};

static const struct act *act;
static unsigned int number;

static void be_child(void *arg)
{
	bool has_failed;

	(void)arg;
	if (act->prepare)
		act->prepare();
	faults_arm(number);
	act->run();
	has_failed = faults_disarm();
	act->finish();
	_exit(has_failed ? HAS_FAILED : 0);
}

/* Writes as the owner: two children get one common copy. */
static void change_and_restore(void)
{
	for (unsigned long page = 0; page < NTH_PAGES; page += NTH_PAGE_STEP) {
		fill(nth.at + page * PAGE, PAGE, page + 1);
		fill(nth.at + page * PAGE, PAGE, page);
	}
}

static struct gate owner_is_done;

static void wait_for_owner_and_be_child(void *arg)
{
	wait_at(&owner_is_done);
	be_child(arg);
}

static bool try_act(void)
{
	pid_t pid;
	int status;

	nth_set_up();
	if (act->before_fork)
		act->before_fork();
	pid = spawn(wait_for_owner_and_be_child, NULL);
	if (act->before_fork)
		change_and_restore();
	let_pass(&owner_is_done);
	EQUAL(waitpid(pid, &status, 0), pid);
	if (!WIFEXITED(status) || (WEXITSTATUS(status) && WEXITSTATUS(status) != HAS_FAILED))
		FAIL("%s, number %u failing: the child's status is %#x", act->name, number, status);
	if (act->before_fork)
		heir_looks();
	nth_all_is_as_before();
	nth_tear_down();
	return WEXITSTATUS(status) == HAS_FAILED;
}

static void try_all_acts(const char *how)
{
	for (size_t i = 0; i < sizeof(acts) / sizeof(*acts); i++) {
		act = &acts[i];
		for (number = 1; try_act(); number = nth_next(act->name, number))
			;
		printf("%s%s: less than %u places to fail\n", act->name, how, number);
		fflush(stdout);
	}
}

/*
 * Charging can fail like an allocation, and the process that pays for a copy may differ from the
 * one that makes it.
 */
static void charged(void *arg)
{
	char pid[32];

	(void)arg;
	snprintf(pid, sizeof(pid), "%d", getpid());
	WORKS(write_text(GROUP "/cgroup.procs", pid));
	try_all_acts(", charged");
}

static void in_a_cgroup(void)
{
	WORKS(mkdir(CGROUPS, 0700));
	WORKS(mount("cgroup2", CGROUPS, "cgroup2", 0, NULL));
	WORKS(write_text(CGROUPS "/cgroup.subtree_control", "+memory"));
	WORKS(mkdir(GROUP, 0700));
	ENDED_WELL(spawn(charged, NULL));
	WORKS(rmdir(GROUP));
	WORKS(umount(CGROUPS));
	WORKS(rmdir(CGROUPS));
}

int main(void)
{
	nth_begin();
	may_look = make_gate();
	owner_is_done = make_gate();
	try_all_acts("");
	in_a_cgroup();
	nth_end();
	return 0;
}
