// SPDX-License-Identifier: MIT
/*
 * Protects memory when a process with a device forks, exits or is killed while the device writes:
 * the device does not reach a child's memory, the parent's memory stays where it is, a dead
 * process's memory is freed, the device changes no other process's memory, and the next process can
 * use the device.
 */
#include "user.h"

#define CHUNKS 20UL

static struct edu *edu;
static struct pinned_device *device;
static char *target;

static void as_child(void *arg)
{
	char *own;

	(void)arg;
	EQUAL(pinned_dma_addr(device, target), PINNED_NO_DMA);
	own = pinned_malloc(1000);
	CHECK(own);
	EQUAL(pinned_dma_addr(device, own), PINNED_NO_DMA);
	FILLED(target, 1000, 1);
	memset(target, 0x77, 1000);
	pinned_free(own);
	WORKS(pinned_device_detach(device));
}

static void fork_while_it_writes(void *arg)
{
	char *source = NULL;
	pid_t child;

	(void)arg;
	become_user();
	source = pinned_malloc(1000);
	target = pinned_malloc(1000);
	edu = open_attached(&device);
	fill(source, 1000, 2);
	fill(target, 1000, 1);
	WORKS(edu_read_memory(edu, pinned_dma_addr(device, source), 1000));
	WORKS(edu_start_write_memory(edu, pinned_dma_addr(device, target), 1000));
	child = spawn(as_child, NULL);
	WORKS(edu_wait(edu));
	FILLED(target, 1000, 2);
	ENDED_WELL(child);
	FILLED(target, 1000, 2);
	through_the_device(edu, device, source, target, 1000);
	WORKS(pinned_device_detach(device));
	edu_close(edu);
	print_result("fork");
}

/* Exits or is killed right after starting a write of the device. */
static void start_and_die(void *arg)
{
	size_t size = CHUNKS * CHUNK;

	become_user();
	target = pinned_malloc(size);
	edu = open_attached(&device);
	WORKS(edu_read_memory(edu, pinned_dma_addr(device, target), 1000));
	WORKS(edu_start_write_memory(edu, pinned_dma_addr(device, target), 1000));
	if (!arg)
		raise(SIGKILL);
	_exit(0);
}

static void is_untouched(void *arg)
{
	char *memory;

	(void)arg;
	become_user();
	memory = pinned_calloc(CHUNKS + 5, CHUNK);
	CHECK(memory);
	/* The device needs 100 ms for a transfer. */
	usleep(300000);
	ZEROED(memory, (CHUNKS + 5) * CHUNK);
	edu = open_attached(&device);
	fill(memory, 1000, 3);
	through_the_device(edu, device, memory, memory + 3 * CHUNK, 1000);
	print_result("after-death");
}

int main(void)
{
	int status;

	give_edu();
	ENDED_WELL(spawn(fork_while_it_writes, NULL));
	for (uintptr_t exits = 0; exits < 2; exits++) {
		pid_t pid = spawn(start_and_die, (void *)exits);

		WORKS(waitpid(pid, &status, 0));
		CHECK(exits ? WIFEXITED(status) && !WEXITSTATUS(status)
			    : WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
		COMES_TO_USE(0);
		ENDED_WELL(spawn(is_untouched, NULL));
		COMES_TO_USE(0);
	}
	return 0;
}
