// SPDX-License-Identifier: MIT
/*
 * If an allocation fails where chunks come from, all of the request is done or none of it. Each
 * allocation fails once: for the reserve and its size, contiguous runs, memory types, and while the
 * driver is loaded (Faults A18, A29, A30, A32, A45).
 */
#include "nth.h"

#include <sys/syscall.h>

#define SYSFS "/sys/class/misc/pinned_mem/"
#define RESERVE SYSFS "reserve_chunks"
/*
 * A contiguous run so short that any reserve contains one, whatever the machine's memory looks
 * like.
 */
#define COUNT 2U
#define RESERVED "40"
/* Loading reaches the driver's own allocations last, after hundreds of the kernel's. */
#define LOAD_RESERVE 2
#define LOAD_STEP 3

static int populate_with(uint32_t sources, uint32_t flags, uint32_t type)
{
	struct pinned_mem_populate request = populate_request(0, COUNT);
	int pool = open(PINNED_MEM_DEVICE, O_RDWR | O_CLOEXEC), error = nth_error_of(pool);

	request.sources = sources;
	request.flags = flags;
	request.memory_type = type;
	if (!error)
		error = nth_error_of(ioctl(pool, PINNED_MEM_IOC_POPULATE, &request));
	if (pool >= 0)
		close(pool);
	return error;
}

static int do_run_of_buddy(void)
{
	return populate_with(PINNED_MEM_SOURCE_BUDDY, PINNED_MEM_F_CONTIGUOUS, 0);
}

static int do_run_of_reserve(void)
{
	return populate_with(PINNED_MEM_SOURCE_RESERVE, PINNED_MEM_F_CONTIGUOUS, 0);
}

static int do_run_of_cma(void)
{
	return populate_with(PINNED_MEM_SOURCE_CMA, PINNED_MEM_F_CONTIGUOUS, 0);
}

static int do_reserve(void)
{
	return populate_with(PINNED_MEM_SOURCE_RESERVE, 0, 0);
}

static int do_cma(void)
{
	return populate_with(PINNED_MEM_SOURCE_CMA, 0, 0);
}

static int do_write_combine(void)
{
	return populate_with(0, 0, PINNED_MEM_TYPE_WRITE_COMBINE);
}

static int do_run_of_uncached(void)
{
	return populate_with(0, PINNED_MEM_F_CONTIGUOUS, PINNED_MEM_TYPE_UNCACHED);
}

/* The driver first zeroes chunks that return to the reserve, and only then frees them. */
static void empty_reserve(void)
{
	uint64_t end = now_ns() + 5000000000ULL;

	WORKS(write_text(RESERVE, "0"));
	while (read_number(SYSFS "reserve_free_chunks") && now_ns() < end)
		usleep(1000);
	EQUAL(read_number(SYSFS "reserve_free_chunks"), 0);
}

/* The reserve's size. */

static int knob;

static void open_knob(void)
{
	knob = WORKS(open(RESERVE, O_WRONLY | O_CLOEXEC));
}

static void open_node_knob(void)
{
	knob = WORKS(open(SYSFS "node0/reserve_chunks", O_WRONLY | O_CLOEXEC));
}

static void open_knob_of_reserve(void)
{
	WORKS(write_text(RESERVE, "16"));
	open_knob();
}

static void close_knob(void)
{
	close(knob);
	empty_reserve();
}

static int resize(const char *text, unsigned long before)
{
	int error = nth_error_of(write(knob, text, strlen(text)));

	if (error) {
		EQUAL(read_number(RESERVE), before);
		EQUAL(read_number(SYSFS "reserve_free_chunks"), before);
	}
	return error;
}

static int do_grow(void)
{
	return resize("6", 0);
}

static int do_shrink(void)
{
	return resize("2", 16);
}

static const struct nth_operation operations[] = {
	{ "POPULATE, contiguous", do_run_of_buddy, NULL, NULL, ENFILE },
	{ "POPULATE, write-combine", do_write_combine, NULL, NULL, ENFILE },
	{ "POPULATE, contiguous, uncached", do_run_of_uncached, NULL, NULL, ENFILE },
	{ "reserve grows", do_grow, open_knob, close_knob, 0 },
	{ "reserve of a node grows", do_grow, open_node_knob, close_knob, 0 },
	{ "reserve shrinks", do_shrink, open_knob_of_reserve, close_knob, 0 },
};

static const struct nth_operation reserve_operations[] = {
	{ "POPULATE, contiguous, reserve", do_run_of_reserve, NULL, NULL, ENFILE },
	{ "POPULATE, reserve", do_reserve, NULL, NULL, ENFILE },
};

static const struct nth_operation cma_operations[] = {
	{ "POPULATE, CMA", do_cma, NULL, NULL, ENFILE },
	{ "POPULATE, contiguous, CMA", do_run_of_cma, NULL, NULL, ENFILE },
};

/* Loading. */

static bool try_to_load(unsigned int n)
{
	int file = WORKS(open(MODULE_FILE, O_RDONLY | O_CLOEXEC)), error;
	bool has_failed;

	WORKS(unload_module());
	faults_arm(n);
	error = nth_error_of(syscall(SYS_finit_module, file, "reserve_chunks=2", 0));
	has_failed = faults_disarm();
	close(file);
	if (error && !has_failed)
		FAIL("load, with nothing failing: expected success, got %s",
		     strerrorname_np(error));
	if (error) {
		CHECK(access(PINNED_MEM_DEVICE, F_OK) && access(SYSFS, F_OK));
		WORKS(load_module());
	} else {
		EQUAL(read_number(RESERVE), LOAD_RESERVE);
	}
	nth_set_up();
	nth_all_is_as_before();
	nth_tear_down();
	return has_failed;
}

static void load(void)
{
	unsigned int n = 1;

	while (try_to_load(n))
		n += LOAD_STEP;
	printf("load: less than %u places to fail\n", n);
	WORKS(unload_module());
	WORKS(load_module());
}

int main(void)
{
	nth_begin();
	nth_try_all(operations, sizeof(operations) / sizeof(*operations));
	WORKS(write_text(RESERVE, RESERVED));
	nth_try_all(reserve_operations, sizeof(reserve_operations) / sizeof(*reserve_operations));
	empty_reserve();
	if (meminfo_kib("CmaTotal") > 16 * CHUNK / 1024)
		nth_try_all(cma_operations, sizeof(cma_operations) / sizeof(*cma_operations));
	load();
	nth_end();
	return 0;
}
