// SPDX-License-Identifier: MIT
/*
 * One process of the fuzzer: it does the steps, and forks children that go on with a copy of the
 * model (Faults A3, A4, A20, A40, A47).
 */
#include "fuzz.h"

#include <stdarg.h>
#include <sys/prctl.h>

#define CHILDREN 3
#define DEPTH_MAX 2

static const struct step {
	const char *name;
	unsigned int weight;
	void (*run)(void);
} steps[] = {
	{ "request", 20, step_request },
	{ "bad request", 8, step_bad_request },
	{ "open", 4, step_open },
	{ "close", 1, step_close },
	{ "mmap", 12, step_map },
	{ "bad mmap", 1, step_bad_map },
	{ "munmap", 3, step_unmap },
	{ "mprotect", 4, step_protect },
	{ "mremap", 5, step_move },
	{ "advice", 8, step_advise },
	{ "pipe", 4, step_pipe },
	{ "vmsplice", 4, step_splice },
	{ "other view", 4, step_other_view },
	{ "dma-buf", 4, step_export },
	{ "descriptor", 2, step_pass_descriptor },
	{ "fork", 4, step_fork },
};

#define STEPS (sizeof(steps) / sizeof(steps[0]))

static pid_t children[CHILDREN];

void fuzz_wrong(const char *file, int line, const char *format, ...)
{
	va_list args;

	fprintf(stderr, "%s:%d: seed %llu, worker %u, depth %u, step %llu, %s: ", file, line,
		(unsigned long long)fuzz.seed, fuzz.worker, fuzz.depth,
		(unsigned long long)fuzz.step, fuzz.doing ? fuzz.doing : "");
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	_exit(1);
}

bool fuzz_is_shortage(int error)
{
	return error == ENOMEM || error == EDQUOT || error == EAGAIN || error == EMFILE ||
	       (fuzz.is_starved && (error == EFAULT || error == ENFILE));
}

bool fuzz_worked(const char *what, long result)
{
	if (result != -1)
		return true;
	if (!fuzz_is_shortage(errno))
		WRONG("%s: expected success, got %s", what, strerrorname_np(errno));
	return false;
}

bool fuzz_ended_well(int status)
{
	return !status || (fuzz.is_starved && WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
}

void fuzz_count(unsigned long *total)
{
	__atomic_add_fetch(total, 1, __ATOMIC_RELAXED);
}

void fuzz_take_tag(void)
{
	memmove(&fuzz.tags[1], &fuzz.tags[0], sizeof(fuzz.tags) - sizeof(fuzz.tags[0]));
	fuzz.tags[0] = __atomic_add_fetch(&totals->last_tag, 1, __ATOMIC_RELAXED);
	if (fuzz.tag_count < ANCESTORS_MAX)
		fuzz.tag_count++;
}

uint64_t fuzz_new_stamp(void)
{
	return (uint64_t)fuzz.tags[0] << 32 | ++fuzz.stamps;
}

bool fuzz_is_own(uint64_t value)
{
	for (unsigned int i = 0; i < fuzz.tag_count; i++)
		if (value >> 32 == fuzz.tags[i])
			return true;
	return !value;
}

static void do_step(void)
{
	unsigned int sum = 0, at;
	size_t i;

	for (i = 0; i < STEPS; i++)
		sum += steps[i].weight;
	at = fuzz_below(&fuzz.random, sum);
	for (i = 0; at >= steps[i].weight; i++)
		at -= steps[i].weight;
	fuzz.step++;
	fuzz.doing = steps[i].name;
	steps[i].run();
	fuzz_count(&totals->steps);
}

static void touch_some(void)
{
	unsigned long page;
	unsigned int place;

	fuzz.doing = "look after the step";
	for (int i = fuzz_below(&fuzz.random, 4); i > 0; i--)
		if (model_random_mapped(&place, &page))
			model_write(place, page);
	model_check_some(fuzz_below(&fuzz.random, 8));
}

void fuzz_run(unsigned long count)
{
	while (count-- && now_ns() < fuzz.deadline_ns) {
		do_step();
		touch_some();
	}
	model_check_some(50);
}

/* Fork. */

static void be_child(uint64_t seed)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	memset(children, 0, sizeof(children));
	fuzz.random.state = seed;
	fuzz.depth++;
	fuzz_take_tag();
	fuzz_count(&totals->processes);
	model_inherit();
	fuzz.doing = "look at the snapshot";
	model_check_some(fuzz_below(&fuzz.random, 200));
	fuzz_run(fuzz_below(&fuzz.random, 60));
	_exit(0);
}

static void reap(pid_t *child, bool is_killed)
{
	int status;

	if (is_killed)
		kill(*child, SIGKILL);
	if (waitpid(*child, &status, 0) != *child)
		WRONG("waitpid(): %s", strerrorname_np(errno));
	*child = 0;
	if (fuzz_ended_well(status))
		return;
	if (is_killed && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
		return;
	WRONG("a forked child: expected exit with 0, got status %#x", status);
}

void step_fork(void)
{
	pid_t *child = &children[fuzz_below(&fuzz.random, CHILDREN)];
	uint64_t seed = fuzz_next(&fuzz.random);
	bool is_killed = fuzz_once_in(&fuzz.random, 4);
	bool is_waited_for = fuzz_once_in(&fuzz.random, 2);

	if (fuzz.depth >= DEPTH_MAX)
		return;
	if (*child)
		reap(child, is_killed);
	*child = fork();
	if (!*child)
		be_child(seed);
	fuzz_count(&totals->forks);
	if (*child < 0) {
		*child = 0;
		fuzz_worked("fork()", -1);
	} else if (is_waited_for) {
		reap(child, false);
	}
}

static void reserve_window(void)
{
	size_t length = PLACES * PLACE_STRIDE + SLOTS * CHUNK;

	/*
	 * The whole window is unmapped at first. Other mappings of this process must lie outside.
	 */
	fuzz.window = find_addresses(length, 0);
	for (unsigned int place = 0; place < PLACES; place++)
		for (unsigned long i = 0; i < PLACE_PAGES; i++)
			model_page_at(place, i)->pool = NO_POOL;
}

void fuzz_worker(void)
{
	for (int i = 0; i < POOLS; i++) {
		fuzz.model.pools[i] = (struct model_pool){ .fd = -1, .is_mine = true };
		for (unsigned long slot = 0; slot < SLOTS; slot++)
			fuzz.model.pools[i].chunks[slot] = NO_CHUNK;
	}
	for (int i = 0; i < EXPORTS; i++)
		fuzz.model.exports[i].fd = -1;
	reserve_window();
	fuzz_be_starved();
	fuzz_take_tag();
	fuzz_count(&totals->processes);
	fuzz_run(~0UL);
	for (int i = 0; i < CHILDREN; i++)
		if (children[i])
			reap(&children[i], false);
}
