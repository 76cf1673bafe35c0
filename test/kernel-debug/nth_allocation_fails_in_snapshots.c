// SPDX-License-Identifier: MIT
/*
 * Each allocation fails once where forked children's memory is made: pages that
 * two children share, a child's own child, the merge of a dead child's pages into
 * its heir, and all of that when it is charged to a memory cgroup. The owner
 * notices nothing; a child lacks a page or has the right one; and what a child
 * has already is never lost (Faults A3, A20, A27, A32).
 */
#include "nth.h"

#include <sys/mount.h>
#include <sys/stat.h>

#define CGROUPS "/tmp/nth-cgroup"
#define GROUP CGROUPS "/nth"
/* Of the exit status: something was made to fail. */
#define HAS_FAILED 3
/* What a child writes to its first slot differs from what it inherited by this. */
#define OF_CHILD 10000

static struct gate may_look;
static pid_t other;

/* In the child: before, with nothing failing; then with; and what must hold at last. */
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

/* Nothing may be missing. */
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

/* Two children share a page that the owner has changed since. */

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

/* A child's own child: it has the first slot from its parent, the second from the owner. */

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

/* Fault by fault: what the heir needs is copied first. */
static void write_again(void)
{
	for (unsigned long page = 0; page < CHUNK_PAGES; page += NTH_PAGE_STEP)
		if (!signal_of_write(nth.at + page * PAGE))
			fill(nth.at + page * PAGE, PAGE, page);
}

/* The heir gets all that is left, when this mapping is the last one. */
static void unmap_all(void)
{
	/* This call's own memory may be what fails; then nothing has changed. */
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

/* The owner's changes, of which two children get one copy. */
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

/* Charges are allocations too, and who pays for a copy is not who makes it. */
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
