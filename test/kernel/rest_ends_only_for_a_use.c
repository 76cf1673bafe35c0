// SPDX-License-Identifier: MIT
/*
 * A dead owner's chunks rest also if they were exported, or held by another driver, at its death.
 * Nothing ends their rest without a benefit: not a request that they cannot serve, not a full
 * memory cgroup that is not charged for them, not memory pressure if they would not become free
 * memory. A service that restarts in its memory cgroup gets its dead predecessor's memory instead
 * of being killed for it. While such a chunk is pinned, the driver refuses to unload (Faults C5,
 * C6, C7, C19).
 */
#include "guest.h"

#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include "vendor_sample.h"

#define SYSFS "/sys/class/misc/pinned_mem/"
#define RESTING SYSFS "resting_chunks"
#define TIME "/sys/module/pinned_mem/parameters/quarantine_ms"
#define CGROUPS "/tmp/cgroup-quarantine"
#define GROUP CGROUPS "/pinned-service"
#define OTHER CGROUPS "/pinned-other"
#define SLOTS 8U

static int vendor, keeps_pages[2];

static int take(int fd, unsigned long slot, unsigned int count, unsigned int source,
		uint64_t max_phys, uint64_t *phys)
{
	struct pinned_mem_populate request = populate_request(slot, count);

	request.sources = source;
	request.max_phys = max_phys;
	request.phys_ptr = (uintptr_t)phys;
	return ioctl(fd, PINNED_MEM_IOC_POPULATE, &request);
}

static int take_known(unsigned int source, unsigned int count)
{
	uint64_t phys[256];
	int fd = open_pool();

	WORKS(take(fd, 0, count, source, PINNED_MEM_PHYS_ANY, phys));
	return fd;
}

static void comes_to(const char *file, unsigned long number)
{
	uint64_t end = now_ns() + 10000000000ULL;

	while (read_number(file) != number && now_ns() < end)
		usleep(1000);
	EQUAL(read_number(file), number);
}

static void kill_one(void (*run)(void *), void *arg)
{
	pid_t pid = spawn(run, arg);

	ENDED_OR_KILLED(pid);
}

static void dies_with_export(void *arg)
{
	struct pinned_mem_export request = { .size = sizeof(request), .count = SLOTS };
	int fd = take_known(PINNED_MEM_SOURCE_BUDDY, SLOTS);

	(void)arg;
	WORKS(ioctl(fd, PINNED_MEM_IOC_EXPORT, &request));
	raise(SIGKILL);
}

static void dies_while_lent(void *arg)
{
	int fd = take_known(PINNED_MEM_SOURCE_BUDDY, SLOTS);
	struct vendor_request request = {
		.addr = (uintptr_t)map_slots(fd, 0, SLOTS),
		.length = SLOTS * CHUNK,
	};

	(void)arg;
	WORKS(ioctl(vendor, VENDOR_IOC_HOLD, &request));
	raise(SIGKILL);
}

static void dies_knowing(void *source)
{
	take_known((unsigned int)(uintptr_t)source, SLOTS);
	raise(SIGKILL);
}

static void dies_pinned(void *source)
{
	int fd = take_known((unsigned int)(uintptr_t)source, 1);
	char *at = map_slots(fd, 0, 1);
	struct iovec byte = { .iov_base = at, .iov_len = 1 };

	*at = 'x';
	EQUAL(vmsplice(keeps_pages[1], &byte, 1, 0), 1);
	raise(SIGKILL);
}

/* Ends the rest of all chunks by loading the driver anew. */
static void start_anew(void)
{
	close(vendor);
	WORKS(unload_module_named("vendor_sample"));
	WORKS(unload_module());
	WORKS(load_module());
	WORKS(load_module_file("/modules/vendor_sample.ko"));
	vendor = WORKS(open("/dev/vendor_sample", O_RDWR | O_CLOEXEC));
	WORKS(write_text(TIME, "3600000"));
	EQUAL(read_number(RESTING), 0);
}

static void exported_and_lent(void)
{
	kill_one(dies_with_export, NULL);
	comes_to(RESTING, SLOTS);
	COMES_TO_USE(0);
	kill_one(dies_while_lent, NULL);
	EQUAL(read_number(RESTING), SLOTS);
	COMES_TO_USE(SLOTS);
	WORKS(ioctl(vendor, VENDOR_IOC_RELEASE, NULL));
	comes_to(RESTING, 2 * SLOTS);
	COMES_TO_USE(0);
}

/*
 * The first chunk of memory is never available and the reserve is empty, so resting chunks cannot
 * help.
 */
static void requests_that_they_cannot_serve(void)
{
	unsigned long resting = read_number(RESTING);
	int fd = open_pool();

	REFUSED(take(fd, 0, 1, 0, CHUNK - 1, NULL), ENOMEM);
	EQUAL(read_number(RESTING), resting);
	REFUSED(take(fd, 0, 1, PINNED_MEM_SOURCE_RESERVE, PINNED_MEM_PHYS_ANY, NULL), ENOMEM);
	EQUAL(read_number(RESTING), resting);
	close(fd);
}

static void wants_a_long_run(void *count)
{
	struct pinned_mem_populate request = populate_request(0, *(unsigned int *)count);
	int fd = open_pool();

	request.sources = PINNED_MEM_SOURCE_BUDDY;
	request.flags = PINNED_MEM_F_CONTIGUOUS;
	REFUSED(ioctl(fd, PINNED_MEM_IOC_POPULATE, &request), ENOMEM);
}

/*
 * A request for a run of nearly all memory is refused after it has held nearly all free memory for
 * a moment. Neither the request nor kswapd then ends a rest.
 */
static void a_run_that_no_memory_can_serve(void)
{
	unsigned long resting = read_number(RESTING), limit = read_number(LIMIT_FILE);
	unsigned long all = meminfo_kib("MemTotal") / (CHUNK / 1024);
	unsigned int count = (unsigned int)(all - resting);
	char text[32];

	snprintf(text, sizeof(text), "%lu", all);
	WORKS(write_text(LIMIT_FILE, text));
	ENDED_WELL(spawn(wants_a_long_run, &count));
	EQUAL(read_number(RESTING), resting);
	COMES_TO_USE(0);
	snprintf(text, sizeof(text), "%lu", limit);
	WORKS(write_text(LIMIT_FILE, text));
}

/*
 * Chunks of the reserve do not become free memory, so memory pressure does not end their rest. A
 * request does.
 */
static void memory_pressure(void)
{
	int fd;

	start_anew();
	WORKS(write_text(SYSFS "reserve_chunks", "8"));
	kill_one(dies_knowing, (void *)PINNED_MEM_SOURCE_RESERVE);
	comes_to(RESTING, SLOTS);
	WORKS(write_text("/proc/sys/vm/drop_caches", "2"));
	EQUAL(read_number(RESTING), SLOTS);
	fd = open_pool();
	WORKS(take(fd, 0, 1, PINNED_MEM_SOURCE_RESERVE, PINNED_MEM_PHYS_ANY, NULL));
	EQUAL(read_number(RESTING), SLOTS - 1);
	close(fd);
	COMES_TO_USE(0);
	kill_one(dies_knowing, (void *)PINNED_MEM_SOURCE_BUDDY);
	comes_to(RESTING, 2 * SLOTS - 1);
	WORKS(write_text("/proc/sys/vm/drop_caches", "2"));
	EQUAL(read_number(RESTING), SLOTS - 1);
}

static void unloading(void)
{
	start_anew();
	WORKS(write_text(SYSFS "reserve_chunks", "8"));
	WORKS(pipe2(keeps_pages, O_CLOEXEC));
	kill_one(dies_pinned, (void *)PINNED_MEM_SOURCE_RESERVE);
	comes_to(SYSFS "busy_chunks", 1);
	EQUAL(used_chunks(), 1);
	close(vendor);
	WORKS(unload_module_named("vendor_sample"));
	REFUSED(unload_module(), EWOULDBLOCK);
	close(keeps_pages[0]);
	close(keeps_pages[1]);
	comes_to(RESTING, 1);
	EQUAL(used_chunks(), 0);
	WORKS(load_module_file("/modules/vendor_sample.ko"));
	vendor = WORKS(open("/dev/vendor_sample", O_RDWR | O_CLOEXEC));
	start_anew();
}

static void enter(const char *group)
{
	char path[64], pid[32];

	snprintf(path, sizeof(path), "%s/cgroup.procs", group);
	snprintf(pid, sizeof(pid), "%d", getpid());
	WORKS(write_text(path, pid));
}

static void service_dies(void *arg)
{
	(void)arg;
	enter(GROUP);
	take_known(PINNED_MEM_SOURCE_BUDDY, 75);
	raise(SIGKILL);
}

static void service_is_restarted(void *arg)
{
	char *at = mmap(NULL, 50 * CHUNK, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)arg;
	enter(GROUP);
	touch_pages(at, 50 * CHUNK);
}

static void at_the_limit_of_another(void *arg)
{
	int fd;

	(void)arg;
	enter(OTHER);
	fd = open_pool();
	for (unsigned long slot = 0; slot < 100; slot++) {
		if (!take(fd, slot, 1, PINNED_MEM_SOURCE_BUDDY, PINNED_MEM_PHYS_ANY, NULL))
			continue;
		EQUAL(errno, ENOMEM);
		CHECK(slot > 8);
		return;
	}
	FAIL("expected a limit");
}

static void memory_cgroups(void)
{
	WORKS(mkdir(CGROUPS, 0700));
	if (!kernel_charges_pages() || mount("cgroup2", CGROUPS, "cgroup2", 0, NULL) ||
	    write_text(CGROUPS "/cgroup.subtree_control", "+memory"))
		return;
	WORKS(mkdir(GROUP, 0700));
	WORKS(mkdir(OTHER, 0700));
	WORKS(write_text(GROUP "/memory.max", "200M"));
	WORKS(write_text(OTHER "/memory.max", "64M"));
	kill_one(service_dies, NULL);
	comes_to(RESTING, 75);
	ENDED_WELL(spawn(at_the_limit_of_another, NULL));
	EQUAL(read_number(RESTING), 75);
	ENDED_WELL(spawn(service_is_restarted, NULL));
	/* Released no more chunks than it needed. */
	CHECK(read_number(RESTING) <= 60);
	COMES_TO_USE(0);
}

int main(void)
{
	WORKS(load_module_file("/modules/vendor_sample.ko"));
	vendor = WORKS(open("/dev/vendor_sample", O_RDWR | O_CLOEXEC));
	start_anew();
	exported_and_lent();
	requests_that_they_cannot_serve();
	a_run_that_no_memory_can_serve();
	memory_pressure();
	unloading();
	memory_cgroups();
	close(vendor);
	WORKS(unload_module_named("vendor_sample"));
	WORKS(unload_module());
	WORKS(load_module());
	return 0;
}
