// SPDX-License-Identifier: MIT
/*
 * Memory that was reserved at boot, on the kernel's command line or in the device tree, can back
 * chunks: they come from the reserved area, zeroed each time, also as contiguous runs. Mappings,
 * forks and pins work as with other chunks, and freed chunks return to the area. Senseless
 * parameters are refused at load (Faults A16, A29).
 */
#include "guest.h"

#include <sys/syscall.h>

#define SIZE_FILE "/sys/class/misc/pinned_mem/carveout_chunks"
#define FREE_FILE "/sys/class/misc/pinned_mem/carveout_free_chunks"

static unsigned long size;

static int populate_carveout(int fd, unsigned int count, uint64_t *phys)
{
	struct pinned_mem_populate request = populate_request(0, count);

	request.flags = PINNED_MEM_F_CONTIGUOUS;
	request.sources = PINNED_MEM_SOURCE_CARVEOUT;
	request.phys_ptr = (uintptr_t)phys;
	return ioctl(fd, PINNED_MEM_IOC_POPULATE, &request);
}

static int load_with(const char *parameters)
{
	int fd = WORKS(open(MODULE_FILE, O_RDONLY | O_CLOEXEC)), result, error;

	result = syscall(SYS_finit_module, fd, parameters, 0);
	error = errno;
	close(fd);
	errno = error;
	return result;
}

/* The command line says memmap=SIZE$ADDRESS; the module parameter expects SIZE@ADDRESS. */
static bool load_by_command_line(void)
{
	char line[4096] = "", parameter[128] = "carveout=", *found, *dollar;
	FILE *file = fopen("/proc/cmdline", "re");

	CHECK(file && fgets(line, sizeof(line), file));
	fclose(file);
	found = strstr(line, "memmap=");
	if (!found)
		return false;
	sscanf(found + strlen("memmap="), "%100s", parameter + strlen("carveout="));
	dollar = strchr(parameter, '$');
	CHECK(dollar);
	*dollar = '@';
	WORKS(unload_module());
	REFUSED(load_with("carveout=1M@64M"), EINVAL);
	REFUSED(load_with("carveout=2M@65M"), EINVAL);
	REFUSED(load_with("carveout=0@64M"), EINVAL);
	REFUSED(load_with("carveout=2M"), EINVAL);
	REFUSED(load_with("carveout=2M@64Mx"), EINVAL);
	REFUSED(load_with("carveout=18446744073707454464@4M"), EINVAL);
	REFUSED(load_with("carveout=2M@64M"), EBUSY);
	WORKS(load_with(parameter));
	return true;
}

static void comes_to_free(unsigned long chunks)
{
	uint64_t end = now_ns() + 3000000000ULL;

	while (read_number(FREE_FILE) != chunks && now_ns() < end)
		usleep(1000);
	EQUAL(read_number(FREE_FILE), chunks);
}

static void child_sees_a_snapshot(void *arg)
{
	FILLED(arg, 2 * CHUNK, 3);
	fill(arg, 2 * CHUNK, 4);
	FILLED(arg, 2 * CHUNK, 4);
}

static void all_of_it(void)
{
	uint64_t *phys = calloc(size, sizeof(*phys));
	int fd = open_pool(), other = open_pool();
	char *at = map_slots(fd, 0, size);

	WORKS(populate_carveout(fd, size, phys));
	EQUAL(read_number(FREE_FILE), 0);
	REFUSED(populate_carveout(other, 1, NULL), ENOMEM);
	close(other);
	for (unsigned long i = 0; i < size; i++)
		EQUAL(phys[i], phys[0] + i * CHUNK);
	ZEROED(at, size * CHUNK);
	fill(at, size * CHUNK, 3);
	EQUAL(phys_of(at + CHUNK + 7 * PAGE), phys[1] + 7 * PAGE);
	ENDED_WELL(spawn(child_sees_a_snapshot, at));
	FILLED(at, size * CHUNK, 3);
	EQUAL(phys_of(at), phys[0]);
	kernel_pins(at + 5 * PAGE);
	WORKS(punch(fd, 1, 1));
	comes_to_free(1);
	EQUAL(signal_of_read(at + CHUNK), SIGBUS);
	FILLED(at, CHUNK, 3);
	WORKS(munmap(at, size * CHUNK));
	close(fd);
	free(phys);
	comes_to_free(size);
}

int main(void)
{
	bool by_command_line = load_by_command_line();

	size = read_number(SIZE_FILE);
	if (!size)
		test_skip("nothing was reserved at boot");
	CHECK(size >= 3);
	WORKS(write_text("/sys/module/pinned_mem/parameters/quarantine_ms", "0"));
	for (int i = 0; i < 3; i++)
		all_of_it();
	/* The driver finds the device tree's area again without a parameter. */
	WORKS(unload_module());
	WORKS(load_module());
	EQUAL(read_number(SIZE_FILE), by_command_line ? 0 : size);
	return 0;
}
