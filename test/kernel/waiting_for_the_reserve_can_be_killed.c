// SPDX-License-Identifier: MIT
/*
 * A POPULATE that waits until the reserve's chunks are zeroed ends when its process is killed, and
 * not only when all of them are (Faults C20). The reserve's lock is a mutex, so that no search of a
 * large reserve keeps a processor from other work; no test can see that.
 */
#include "guest.h"

#define RESERVE "/sys/class/misc/pinned_mem/reserve_chunks"
#define CHUNKS 200U
#define ROUNDS 10

static struct pinned_mem_populate run_request(void)
{
	struct pinned_mem_populate request = populate_request(0, 2);

	request.sources = PINNED_MEM_SOURCE_RESERVE;
	request.flags = PINNED_MEM_F_CONTIGUOUS;
	return request;
}

/* Gives the reserve chunks that it must zero. */
static void make_work(void)
{
	struct pinned_mem_populate request = populate_request(0, CHUNKS);
	int fd = open_pool();

	request.sources = PINNED_MEM_SOURCE_RESERVE;
	WORKS(ioctl(fd, PINNED_MEM_IOC_POPULATE, &request));
	WORKS(punch(fd, 0, CHUNKS));
	close(fd);
}

/* Returns the state of a process, a letter as in ps(1). */
static char state_of(pid_t pid)
{
	char path[64], state = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	file = fopen(path, "re");
	CHECK(file && fscanf(file, "%*d (%*[^)]) %c", &state) == 1);
	fclose(file);
	return state;
}

static void asks_for_a_run(void *arg)
{
	struct pinned_mem_populate request = run_request();

	(void)arg;
	ioctl(open_pool(), PINNED_MEM_IOC_POPULATE, &request);
}

/* Waits until the process waits in the kernel. Returns false if it ended without that. */
static bool comes_to_wait(pid_t pid)
{
	char state;

	do
		state = state_of(pid);
	while (state != 'D' && state != 'Z');
	return state == 'D';
}

/*
 * Returns true if a waiting process died long before the reserve was zeroed: the time until its
 * death is compared with the time that the same request takes from then on.
 */
static bool dies_before_the_end(void)
{
	struct pinned_mem_populate request = run_request();
	int status, fd = open_pool();
	uint64_t begin, died;
	bool has_waited;
	pid_t pid;

	make_work();
	pid = spawn(asks_for_a_run, NULL);
	has_waited = comes_to_wait(pid);
	begin = now_ns();
	WORKS(kill(pid, SIGKILL));
	EQUAL(waitpid(pid, &status, 0), pid);
	died = now_ns();
	WORKS(ioctl(fd, PINNED_MEM_IOC_POPULATE, &request));
	close(fd);
	COMES_TO_USE(0);
	return has_waited && WIFSIGNALED(status) && died - begin < now_ns() - died;
}

int main(void)
{
	int rounds = 0;

	WORKS(write_text(RESERVE, "200"));
	while (!dies_before_the_end())
		CHECK(++rounds < ROUNDS);
	WORKS(write_text(RESERVE, "0"));
	return 0;
}
