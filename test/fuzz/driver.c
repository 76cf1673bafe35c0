// SPDX-License-Identifier: MIT
/*
 * Protects users of the driver from each other: several processes and threads do at random
 * everything that user space can do to the device and to mappings of the device. A process
 * sees only what it wrote itself, what it inherited, or zeroes; an operation fails only for
 * lack of memory or as documented; and all memory comes back (Faults A1-A5, A8-A16, A20, A21,
 * A23, A40, A42, A43, A47). Init checks the kernel's log.
 *
 * usage: driver [SECONDS [SEED [failing]]]
 *   SEED      the seed of an earlier run: each process repeats its steps, though not
 *             at the same time as the others
 *   failing   make allocations and copies from and to user memory fail at random
 */
#include "faults.h"
#include "fuzz.h"

#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/socket.h>

#define WORKERS 3
#define THREADS 4
/* The time that a process may need for one step in an emulated machine with a debug kernel. */
#define GRACE_NS 120000000000ULL

struct fuzz fuzz;
struct fuzz_totals *totals;

static int rings[WORKERS][2];

/* splitmix64 */
uint64_t fuzz_next(struct fuzz_random *random)
{
	uint64_t z = random->state += 0x9e3779b97f4a7c15ULL;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
	return z ^ z >> 31;
}

unsigned long fuzz_below(struct fuzz_random *random, unsigned long below)
{
	return fuzz_next(random) % below;
}

bool fuzz_once_in(struct fuzz_random *random, unsigned int times)
{
	return !fuzz_below(random, times);
}

/* A process calls this after its own set-up, which must not fail. */
void fuzz_be_starved(void)
{
	if (fuzz.is_starved)
		faults_for_me();
}

/* Processes. */

static void live(unsigned int worker, uint64_t seed)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	fuzz_catch_signals();
	fuzz.worker = worker;
	fuzz.random.state = seed;
	if (worker == WORKERS) {
		races_run(seed, THREADS);
	} else {
		fuzz.sockets[0] = rings[(worker + 1) % WORKERS][1];
		fuzz.sockets[1] = rings[worker][0];
		fuzz_worker();
	}
	_exit(0);
}

/* Starts a process for @worker, with the next seed of its sequence. */
static pid_t start(unsigned int worker, struct fuzz_random *random)
{
	uint64_t seed = fuzz_next(random);
	pid_t pid = WORKS(fork());

	if (!pid)
		live(worker, seed);
	return pid;
}

static void kill_all(const pid_t *pids)
{
	for (int i = 0; i <= WORKERS; i++)
		if (pids[i] > 0)
			kill(pids[i], SIGKILL);
}

/* Kills a random worker in the middle of whatever it does, and starts another one in its place. */
static void kill_one(pid_t *pids, struct fuzz_random *randoms)
{
	int worker = fuzz_below(&fuzz.random, WORKERS + 1), status;

	if (!pids[worker])
		return;
	kill(pids[worker], SIGKILL);
	waitpid(pids[worker], &status, 0);
	pids[worker] = 0;
	if (WIFEXITED(status) && WEXITSTATUS(status)) {
		kill_all(pids);
		FAIL("worker %d failed", worker);
	}
	pids[worker] = start(worker, &randoms[worker]);
}

/* Handles the end of a worker. Before the deadline only a signal may end one. */
static void go_on_after(pid_t *pids, struct fuzz_random *randoms, int worker, int status)
{
	pids[worker] = 0;
	if (!fuzz_ended_well(status)) {
		kill_all(pids);
		FAIL("worker %d ended with status %#x", worker, status);
	}
	if (status && now_ns() < fuzz.deadline_ns)
		pids[worker] = start(worker, &randoms[worker]);
}

static int reap_ended(pid_t *pids, struct fuzz_random *randoms)
{
	int alive = 0, status;

	for (int i = 0; i <= WORKERS; i++) {
		if (pids[i] && waitpid(pids[i], &status, WNOHANG) == pids[i])
			go_on_after(pids, randoms, i, status);
		alive += !!pids[i];
	}
	return alive;
}

static void supervise(pid_t *pids, struct fuzz_random *randoms)
{
	uint64_t next_kill = 0;

	while (reap_ended(pids, randoms)) {
		uint64_t now = now_ns();

		if (now > fuzz.deadline_ns + GRACE_NS) {
			kill_all(pids);
			FAIL("a worker hangs");
		}
		if (now > next_kill && now + 2000000000ULL < fuzz.deadline_ns) {
			if (next_kill)
				kill_one(pids, randoms);
			next_kill = now + fuzz_below(&fuzz.random, 3000000000UL);
		}
		usleep(20000);
	}
}

static void prepare(int argc, char **argv)
{
	unsigned long seconds = argc > 1 ? strtoul(argv[1], NULL, 10) : 15;

	if (argc > 2)
		fuzz.seed = strtoull(argv[2], NULL, 0);
	else
		EQUAL(getrandom(&fuzz.seed, 4, 0), 4);
	printf("fuzz: %lu s, seed %llu\n", seconds, (unsigned long long)fuzz.seed);
	fflush(stdout);
	fuzz.is_starved = argc > 3 && !strcmp(argv[3], "failing");
	if (fuzz.is_starved) {
		faults_begin();
		faults_at_random(true);
	}
	totals = mmap(NULL, sizeof(*totals), RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CHECK(totals != MAP_FAILED);
	for (int i = 0; i < WORKERS; i++)
		WORKS(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, rings[i]));
	fuzz.deadline_ns = now_ns() + seconds * 1000000000ULL;
}

int main(int argc, char **argv)
{
	struct fuzz_random randoms[WORKERS + 1];
	unsigned long before = used_chunks();
	pid_t pids[WORKERS + 1] = {};

	WORKS(load_module_file("/modules/vendor_sample.ko"));
	prepare(argc, argv);
	fuzz.random.state = fuzz.seed;
	for (int i = 0; i <= WORKERS; i++) {
		randoms[i].state = fuzz_next(&fuzz.random);
		pids[i] = start(i, &randoms[i]);
	}
	supervise(pids, randoms);
	if (fuzz.is_starved)
		faults_end();
	for (int i = 0; i < WORKERS; i++) {
		close(rings[i][0]);
		close(rings[i][1]);
	}
	COMES_TO_USE(before);
	COMES_TO_COPIES(0);
	WORKS(unload_module_named("vendor_sample"));
	printf("fuzz: %lu steps, %lu processes, %lu forks, %lu populated, %lu punched, %lu lent, "
	       "%lu refused, %lu pages unavailable\n",
	       totals->steps, totals->processes, totals->forks, totals->populated, totals->punched,
	       totals->lent, totals->refused, totals->missing_pages);
	return 0;
}
