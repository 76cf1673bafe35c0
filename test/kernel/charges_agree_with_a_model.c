// SPDX-License-Identifier: MIT
/*
 * Two users take, punch, pin, export, fork and die at random, while each user's limit and the
 * common limit apply. After each step the driver's figures equal those of a model that knows who
 * holds which chunk. The driver refuses exactly the requests that the model refuses, and used +
 * resting + copies equals the memory that the machine has lost (Faults C2, C5, C11).
 * TEST_SEED chooses other steps.
 */
#include "guest.h"

#include <grp.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/uio.h>

#define PARAMETER(name) "/sys/module/pinned_mem/parameters/" name
#define SYSFS "/sys/class/misc/pinned_mem/"
#define USERS 2
#define SLOTS 24
#define CHUNKS 400
#define PIPES 10
#define BUFS 10
#define STEPS 2000
#define LIMIT 60
#define USER_LIMIT 40
#define FIRST_UID 4001
/* Page tables, page cache and slabs, whose size varies during the test. */
#define SLACK_KIB (8UL * CHUNK / 1024)

/* The model. */

struct chunk {
	bool is_there, is_known, must_rest, rests;
	int user, slot; /* -1: in no pool */
	int pipes, bufs;
};

static struct chunk chunks[CHUNKS];
static int slot_of[USERS][SLOTS];
static int in_pipe[PIPES], in_buf[BUFS], buf_fd[BUFS];
static int pipes[PIPES][2];

/* A user's process, and the orders that the test gives the process. */
enum what { TAKE, PUNCH, PIN, EXPORT, FORK, CHARGED };

struct order {
	enum what what;
	unsigned int slot, count;
	bool wants_phys;
	int pipe;
};

static pid_t worker[USERS];
static int line[USERS];
static char *window;

static uint64_t state;

static unsigned int roll(unsigned int below)
{
	state = state * 6364136223846793005ULL + 1442695040888963407ULL;
	return (state >> 33) % below;
}

static int charged(int user)
{
	int n = 0;

	for (int i = 0; i < CHUNKS; i++)
		n += chunks[i].is_there && (user < 0 || chunks[i].user == user);
	return n;
}

static int resting(void)
{
	int n = 0;

	for (int i = 0; i < CHUNKS; i++)
		n += chunks[i].is_there && chunks[i].rests;
	return n;
}

/* Updates the model after a holder has released @chunk. */
static void settle(struct chunk *chunk)
{
	if (!chunk->is_there || chunk->slot >= 0 || chunk->pipes || chunk->bufs)
		return;
	if (chunk->must_rest)
		chunk->rests = true;
	else
		chunk->is_there = false;
}

static int new_chunk(void)
{
	for (int i = 0; i < CHUNKS; i++)
		if (!chunks[i].is_there)
			return i;
	FAIL("the test itself: more chunks than its model has");
}

/* The users' processes. */

static struct gate child_is_ready;
static pid_t child;

/* Writes to some pages in a child of a user's process, then waits until the process ends it. */
static void touch_some(void *order)
{
	const struct order *o = order;

	for (unsigned int i = 0; i < o->count; i++)
		if (signal_of_write(window + o->slot * CHUNK + i * PAGE))
			break;
	let_pass(&child_is_ready);
	pause();
}

/* Ends the child if one exists, and forks one otherwise. */
static int fork_or_end(struct order *order)
{
	if (child) {
		kill(child, SIGKILL);
		ENDED_OR_KILLED(child);
		child = 0;
		return 0;
	}
	child_is_ready = make_gate();
	child = spawn(touch_some, order);
	wait_at(&child_is_ready);
	close(child_is_ready.fds[0]);
	close(child_is_ready.fds[1]);
	return 0;
}

static int obey(int fd, struct order *order, int to)
{
	struct pinned_mem_export request = {
		.size = sizeof(request),
		.offset = order->slot * CHUNK,
		.count = 1,
	};
	struct iovec byte = { .iov_base = window + order->slot * CHUNK + 5000, .iov_len = 1 };
	struct pinned_mem_populate take = populate_request(order->slot, order->count);
	uint64_t phys[SLOTS];

	switch (order->what) {
	case TAKE:
		take.sources = PINNED_MEM_SOURCE_BUDDY;
		take.phys_ptr = order->wants_phys ? (uintptr_t)phys : 0;
		return ioctl(fd, PINNED_MEM_IOC_POPULATE, &take) ? errno : 0;
	case PUNCH:
		return punch(fd, order->slot, 1) ? errno : 0;
	case PIN:
		*(char *)byte.iov_base = 'x';
		return vmsplice(pipes[order->pipe][1], &byte, 1, SPLICE_F_NONBLOCK) == 1 ? 0
											 : errno;
	case EXPORT:
		WORKS(ioctl(fd, PINNED_MEM_IOC_EXPORT, &request));
		send_descriptor(to, request.fd);
		close(request.fd);
		return 0;
	case FORK:
		return fork_or_end(order);
	case CHARGED:
		return info_of(fd).user_chunks;
	}
	return 0;
}

static void work(void *user)
{
	unsigned int uid = FIRST_UID + (uintptr_t)user;
	int at = line[(uintptr_t)user], fd, answer;
	struct order order;

	/*
	 * Closes the lines to other processes and the dma-bufs, so that each ends when the test
	 * closes it.
	 */
	for (int i = 0; i < USERS; i++)
		if (i != (int)(uintptr_t)user && line[i])
			close(line[i]);
	for (int i = 0; i < BUFS; i++)
		if (in_buf[i] >= 0)
			close(buf_fd[i]);
	WORKS(setgroups(0, NULL));
	WORKS(setresgid(uid, uid, uid));
	WORKS(setresuid(uid, uid, uid));
	fd = open_pool();
	window = map_slots(fd, 0, SLOTS);
	while (read(at, &order, sizeof(order)) == sizeof(order)) {
		answer = obey(fd, &order, at);
		EQUAL(write(at, &answer, sizeof(answer)), sizeof(answer));
	}
}

static void start(int user)
{
	int ends[2];

	WORKS(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends));
	line[user] = ends[1];
	worker[user] = WORKS(fork());
	if (!worker[user]) {
		close(ends[0]);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		work((void *)(uintptr_t)user);
		_exit(0);
	}
	close(ends[1]);
	line[user] = ends[0];
	for (int slot = 0; slot < SLOTS; slot++)
		slot_of[user][slot] = -1;
}

static int tell(int user, struct order order)
{
	int answer;

	EQUAL(write(line[user], &order, sizeof(order)), sizeof(order));
	if (order.what == EXPORT)
		buf_fd[order.pipe] = receive_descriptor(line[user]);
	EQUAL(read(line[user], &answer, sizeof(answer)), sizeof(answer));
	return answer;
}

/* Steps: each gives a process an order or releases something, and updates the model. */

static void step_take(int user)
{
	struct order order = { .what = TAKE, .slot = roll(SLOTS), .wants_phys = roll(2) };
	int answer, with_copies;

	order.count = 1 + roll(SLOTS - order.slot);
	for (unsigned int i = 0; i < order.count; i++)
		if (slot_of[user][order.slot + i] >= 0) {
			EQUAL(tell(user, order), EEXIST);
			return;
		}
	with_copies =
		charged(-1) + order.count + (snapshot_pages() + CHUNK_PAGES - 1) / CHUNK_PAGES;
	answer = tell(user, order);
	if (charged(-1) + order.count > LIMIT || charged(user) + order.count > USER_LIMIT) {
		EQUAL(answer, EDQUOT);
		return;
	}
	/*
	 * Children's copies count too, but the model does not know when the kernel makes and frees
	 * them.
	 */
	if (answer && with_copies > LIMIT) {
		EQUAL(answer, EDQUOT);
		return;
	}
	EQUAL(answer, 0);
	for (unsigned int i = 0; i < order.count; i++) {
		int n = new_chunk();

		chunks[n] = (struct chunk){ .is_there = true,
					    .is_known = order.wants_phys,
					    .user = user,
					    .slot = order.slot + i };
		slot_of[user][order.slot + i] = n;
	}
}

/* Returns a filled slot of @user's pool, or -1. */
static int some_slot(int user)
{
	for (int tries = 0; tries < 30; tries++) {
		int slot = roll(SLOTS);

		if (slot_of[user][slot] >= 0)
			return slot;
	}
	return -1;
}

static void step_punch(int user)
{
	int slot = roll(SLOTS), n = slot_of[user][slot];

	EQUAL(tell(user, (struct order){ .what = PUNCH, .slot = slot }), n < 0 ? ENOENT : 0);
	if (n < 0)
		return;
	chunks[n].slot = slot_of[user][slot] = -1;
	settle(&chunks[n]);
}

static void step_pin(int user)
{
	int slot = some_slot(user), pipe = roll(PIPES);

	if (slot < 0 || in_pipe[pipe] >= 0)
		return;
	EQUAL(tell(user, (struct order){ .what = PIN, .slot = slot, .pipe = pipe }), 0);
	in_pipe[pipe] = slot_of[user][slot];
	chunks[in_pipe[pipe]].pipes++;
}

static void step_export(int user)
{
	int slot = some_slot(user), buf = roll(BUFS);

	if (slot < 0 || in_buf[buf] >= 0)
		return;
	EQUAL(tell(user, (struct order){ .what = EXPORT, .slot = slot, .pipe = buf }), 0);
	in_buf[buf] = slot_of[user][slot];
	chunks[in_buf[buf]].bufs++;
	chunks[in_buf[buf]].is_known = true;
}

static void step_fork(int user)
{
	int slot = some_slot(user);

	if (slot >= 0)
		EQUAL(tell(user,
			   (struct order){ .what = FORK, .slot = slot, .count = 1 + roll(600) }),
		      0);
}

static void step_let_go(int user)
{
	int pipe = roll(PIPES), buf = roll(BUFS), n;
	char byte;

	(void)user;
	n = in_pipe[pipe];
	if (n >= 0) {
		EQUAL(read(pipes[pipe][0], &byte, 1), 1);
		in_pipe[pipe] = -1;
		chunks[n].pipes--;
		settle(&chunks[n]);
	}
	n = in_buf[buf];
	if (n >= 0) {
		close(buf_fd[buf]);
		in_buf[buf] = -1;
		chunks[n].bufs--;
		settle(&chunks[n]);
	}
}

static void step_die(int user)
{
	if (roll(4))
		return;
	if (roll(2))
		WORKS(kill(worker[user], SIGKILL));
	close(line[user]);
	ENDED_OR_KILLED(worker[user]);
	for (int slot = 0; slot < SLOTS; slot++) {
		int n = slot_of[user][slot];

		if (n < 0)
			continue;
		chunks[n].slot = -1;
		chunks[n].must_rest = chunks[n].is_known;
		settle(&chunks[n]);
	}
	start(user);
}

/* Applies memory pressure, which frees the resting chunks. */
static void step_press(int user)
{
	(void)user;
	if (roll(3))
		return;
	WORKS(write_text("/proc/sys/vm/drop_caches", "2"));
	for (int i = 0; i < CHUNKS; i++)
		if (chunks[i].rests)
			chunks[i] = (struct chunk){};
}

/* Waits until @file shows the model's @number: the driver rechecks pins only from time to time. */
static void comes_to(const char *file, unsigned long number)
{
	uint64_t end = now_ns() + 10000000000ULL;

	while (read_number(file) != number && now_ns() < end)
		usleep(1000);
	EQUAL(read_number(file), number);
}

/* Free pages in the per-CPU lists, which include 2 MiB blocks. MemFree does not count them. */
static unsigned long kept_by_processors_kib(void)
{
	FILE *file = fopen("/proc/zoneinfo", "re");
	unsigned long pages = 0, n;
	char text[256];

	CHECK(file);
	while (fgets(text, sizeof(text), file))
		if (sscanf(text, " count: %lu", &n) == 1)
			pages += n;
	fclose(file);
	return pages * PAGE / 1024;
}

static unsigned long memory_in_use(void)
{
	return meminfo_kib("MemTotal") - meminfo_kib("MemFree") - meminfo_kib("Buffers") -
	       meminfo_kib("Cached") - meminfo_kib("SReclaimable") - kept_by_processors_kib();
}

static unsigned long base_kib, worst_kib;

static void agrees(void)
{
	unsigned long lost, counted;

	comes_to(SYSFS "resting_chunks", resting());
	comes_to(SYSFS "used_chunks", charged(-1) - resting());
	for (int user = 0; user < USERS; user++)
		EQUAL(tell(user, (struct order){ .what = CHARGED }), charged(user));
	counted = (read_number(SYSFS "used_chunks") + read_number(SYSFS "resting_chunks")) * CHUNK /
			  1024 +
		  snapshot_pages() * PAGE / 1024;
	lost = memory_in_use();
	lost = lost > base_kib ? lost - base_kib : 0;
	if (lost > counted + SLACK_KIB || counted > lost + SLACK_KIB)
		FAIL("counted %lu KiB, and the machine has lost %lu KiB", counted, lost);
	lost = lost > counted ? lost - counted : counted - lost;
	worst_kib = lost > worst_kib ? lost : worst_kib;
}

int main(void)
{
	static void (*const steps[])(int user) = { step_take,	step_take,   step_punch,
						   step_pin,	step_export, step_fork,
						   step_let_go, step_die,    step_press };
	unsigned long limit = read_number(LIMIT_FILE);
	char text[32];

	state = seed_or(1);
	let_everybody_open(true);
	comes_to(SYSFS "resting_chunks", 0);
	COMES_TO_USE(0);
	snprintf(text, sizeof(text), "%d", LIMIT);
	WORKS(write_text(LIMIT_FILE, text));
	snprintf(text, sizeof(text), "%d", USER_LIMIT);
	WORKS(write_text(PARAMETER("user_limit_chunks"), text));
	WORKS(write_text(PARAMETER("quarantine_ms"), "3600000"));
	for (int i = 0; i < PIPES; i++) {
		WORKS(pipe(pipes[i]));
		in_pipe[i] = -1;
	}
	for (int i = 0; i < BUFS; i++)
		in_buf[i] = -1;
	for (int user = 0; user < USERS; user++)
		start(user);
	WORKS(write_text("/proc/sys/vm/drop_caches", "3"));
	base_kib = memory_in_use();
	for (unsigned int i = 0; i < STEPS; i++) {
		steps[roll(sizeof(steps) / sizeof(*steps))](roll(USERS));
		agrees();
	}
	printf("charges: %u steps, largest difference to the machine's memory %lu KiB\n", STEPS,
	       worst_kib);
	for (int user = 0; user < USERS; user++) {
		close(line[user]);
		ENDED_WELL(worker[user]);
	}
	for (int i = 0; i < PIPES; i++) {
		close(pipes[i][0]);
		close(pipes[i][1]);
		if (in_buf[i] >= 0)
			close(buf_fd[i]);
	}
	COMES_TO_USE(0);
	snprintf(text, sizeof(text), "%lu", limit);
	WORKS(write_text(LIMIT_FILE, text));
	WORKS(write_text(PARAMETER("user_limit_chunks"), "0"));
	/* Unloading the driver frees the resting chunks. */
	WORKS(unload_module());
	WORKS(load_module());
	return 0;
}
