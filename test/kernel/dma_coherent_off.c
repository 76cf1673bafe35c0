// SPDX-License-Identifier: MIT
/*
 * The parameter dma_coherent=0 says that the machine's devices do not snoop the CPU caches. Then
 * COHERENT memory stays uncached whatever is done to it, and SYNC of CACHED memory cleans and
 * invalidates exactly the requested bytes. Without the parameter neither happens. In both cases
 * devices read and write the right data (Faults A38, A46).
 */
#include "guest.h"

#include <sys/syscall.h>

#include "edu.h"
#include "page_attr.h"

#define SLOTS 3UL
#define TRACING "/sys/kernel/debug/tracing/"
#define PARTS_MAX 64

static int attr_fd;

/* Loads the driver with the parameter. */

static void load_with(const char *parameters)
{
	int fd = WORKS(open(MODULE_FILE, O_RDONLY | O_CLOEXEC));

	WORKS(unload_module());
	WORKS(syscall(SYS_finit_module, fd, parameters, 0));
	close(fd);
	WORKS(write_text("/sys/module/pinned_mem/parameters/quarantine_ms", "0"));
}

/* Records calls of the kernel's cache maintenance functions, which only arm64 needs. */

struct part {
	uint64_t phys, length;
};

struct maintenance {
	struct part cleaned[PARTS_MAX], dropped[PARTS_MAX];
	unsigned int n_cleaned, n_dropped;
};

static void start_watching(void)
{
	if (IS_X86)
		return;
	WORKS(write_text(TRACING "kprobe_events",
			 "p:pinned/clean arch_sync_dma_for_device phys=%x0:x64 length=%x1:x64"));
	WORKS(write_text(TRACING "kprobe_events",
			 "p:pinned/drop arch_sync_dma_for_cpu phys=%x0:x64 length=%x1:x64"));
	WORKS(write_text(TRACING "events/pinned/enable", "1"));
}

static void stop_watching(void)
{
	if (IS_X86)
		return;
	WORKS(write_text(TRACING "events/pinned/enable", "0"));
	WORKS(write_text(TRACING "kprobe_events", "-:pinned/clean"));
	WORKS(write_text(TRACING "kprobe_events", "-:pinned/drop"));
}

static void add_part(struct part *parts, unsigned int *n, const char *line)
{
	CHECK(*n < PARTS_MAX);
	EQUAL(sscanf(strstr(line, "phys="), "phys=0x%lx length=0x%lx", &parts[*n].phys,
		     &parts[*n].length),
	      2);
	++*n;
}

static void forget_what_was_done(void)
{
	if (!IS_X86)
		close(WORKS(open(TRACING "trace", O_WRONLY | O_TRUNC | O_CLOEXEC)));
}

/* Returns the maintenance that was done since the last call. */
static struct maintenance maintenance_done(void)
{
	struct maintenance done = { .n_cleaned = 0 };
	char line[512];
	FILE *file;

	if (IS_X86)
		return done;
	file = fopen(TRACING "trace", "re");
	CHECK(file);
	while (fgets(line, sizeof(line), file)) {
		if (strstr(line, " clean: "))
			add_part(done.cleaned, &done.n_cleaned, line);
		if (strstr(line, " drop: "))
			add_part(done.dropped, &done.n_dropped, line);
	}
	fclose(file);
	forget_what_was_done();
	return done;
}

static void none_done(void)
{
	struct maintenance done = maintenance_done();

	EQUAL(done.n_cleaned, 0);
	EQUAL(done.n_dropped, 0);
}

/* Mappings. */

static uint32_t attr_of(uint64_t addr, bool is_phys)
{
	struct page_attr attr = { .addr = addr, .kernel = is_phys };

	WORKS(ioctl(attr_fd, PAGE_ATTR_IOC_GET, &attr));
	EQUAL(attr.not_write_back, 0);
	return attr.attr;
}

static void mapped_as(const char *at, const uint64_t *phys, uint32_t user, uint32_t kernel)
{
	for (unsigned long page = 0; page < SLOTS * CHUNK_PAGES; page += 73) {
		EQUAL(attr_of((uintptr_t)at + page * PAGE, false), user);
		EQUAL(attr_of(phys[page / CHUNK_PAGES] + page % CHUNK_PAGES * PAGE, true), kernel);
	}
}

static void child_has_ordinary_copies(void *at)
{
	FILLED(at, SLOTS * CHUNK, 3);
	for (unsigned long page = 0; page < SLOTS * CHUNK_PAGES; page += 73)
		EQUAL(attr_of((uintptr_t)at + page * PAGE, false), PAGE_ATTR_WRITE_BACK);
}

static void populate_type(int fd, uint32_t type, uint64_t *phys)
{
	struct pinned_mem_populate request = populate_request(0, SLOTS);

	request.memory_type = type;
	request.phys_ptr = (uintptr_t)phys;
	WORKS(ioctl(fd, PINNED_MEM_IOC_POPULATE, &request));
}

static void coherent_is_not_cached(void)
{
	const uint32_t kernel = IS_X86 ? PAGE_ATTR_UNCACHED : PAGE_ATTR_WRITE_BACK;
	int fd = open_pool();
	struct maintenance done;
	uint64_t phys[SLOTS];
	char *at;

	forget_what_was_done();
	populate_type(fd, PINNED_MEM_TYPE_COHERENT, phys);
	done = maintenance_done();
	EQUAL(done.n_cleaned, IS_X86 ? 0 : SLOTS);
	EQUAL(done.n_dropped, IS_X86 ? 0 : SLOTS);
	for (unsigned int i = 0; i < done.n_cleaned; i++) {
		EQUAL(done.cleaned[i].phys, phys[i]);
		EQUAL(done.cleaned[i].length, CHUNK);
		EQUAL(done.dropped[i].phys, phys[i]);
		EQUAL(done.dropped[i].length, CHUNK);
	}
	at = map_slots(fd, 0, SLOTS);
	ZEROED(at, SLOTS * CHUNK);
	fill(at, SLOTS * CHUNK, 3);
	mapped_as(at, phys, PAGE_ATTR_UNCACHED, kernel);
	ENDED_WELL(spawn(child_has_ordinary_copies, at));
	FILLED(at, SLOTS * CHUNK, 3);
	mapped_as(at, phys, PAGE_ATTR_UNCACHED, kernel);
	WORKS(punch(fd, 0, SLOTS));
	for (unsigned long i = 0; i < SLOTS; i++)
		EQUAL(attr_of(phys[i], true), PAGE_ATTR_WRITE_BACK);
	close(fd);
	WORKS(munmap(at, SLOTS * CHUNK));
}

static void sync_range(int fd, uint64_t offset, uint64_t length, uint32_t flags)
{
	struct pinned_mem_sync request = {
		.size = sizeof(request),
		.flags = flags,
		.offset = offset,
		.length = length,
	};

	WORKS(ioctl(fd, PINNED_MEM_IOC_SYNC, &request));
}

static void are_the_bytes(const struct part *parts, unsigned int n, const uint64_t *phys,
			  uint64_t offset, uint64_t length)
{
	for (unsigned int i = 0; i < n; i++) {
		uint64_t part = CHUNK - offset % CHUNK;

		if (part > length)
			part = length;
		EQUAL(parts[i].phys, phys[offset / CHUNK] + offset % CHUNK);
		EQUAL(parts[i].length, part);
		offset += part;
		length -= part;
	}
	EQUAL(n ? length : 0, 0);
}

static void sync_does_what_it_was_told(int fd, const uint64_t *phys)
{
	static const struct {
		uint64_t offset, length;
	} ranges[] = {
		{ 0, 1 },
		{ 64, 4096 },
		{ CHUNK - 100, 200 },
		{ CHUNK - 1, CHUNK + 2 },
		{ 0, SLOTS * CHUNK },
	};

	for (unsigned int i = 0; i < sizeof(ranges) / sizeof(*ranges); i++) {
		struct maintenance done;

		forget_what_was_done();
		sync_range(fd, ranges[i].offset, ranges[i].length,
			   PINNED_MEM_SYNC_FOR_DEVICE | PINNED_MEM_SYNC_DEVICE_READS);
		done = maintenance_done();
		CHECK(IS_X86 || done.n_cleaned);
		EQUAL(done.n_dropped, 0);
		are_the_bytes(done.cleaned, done.n_cleaned, phys, ranges[i].offset,
			      ranges[i].length);
		sync_range(fd, ranges[i].offset, ranges[i].length,
			   PINNED_MEM_SYNC_FOR_CPU | PINNED_MEM_SYNC_DEVICE_WRITES);
		done = maintenance_done();
		CHECK(IS_X86 || done.n_dropped);
		EQUAL(done.n_cleaned, 0);
		are_the_bytes(done.dropped, done.n_dropped, phys, ranges[i].offset,
			      ranges[i].length);
	}
}

/* A device copies from one place to another; SYNC is called for each side. */
static void device_sees_it(int fd, char *at, const uint64_t *phys)
{
	const uint64_t from = 100 * PAGE, to = CHUNK + 33 * PAGE;
	struct edu *edu = edu_open();

	if (!edu)
		return;
	WORKS(edu_lock(edu));
	for (uint64_t seed = 5; seed < 9; seed++) {
		fill(at + from, PAGE, seed);
		memset(at + to, 0, PAGE);
		sync_range(fd, from, PAGE,
			   PINNED_MEM_SYNC_FOR_DEVICE | PINNED_MEM_SYNC_DEVICE_READS);
		sync_range(fd, to, PAGE,
			   PINNED_MEM_SYNC_FOR_DEVICE | PINNED_MEM_SYNC_DEVICE_WRITES);
		WORKS(edu_read_memory(edu, phys[0] + from, EDU_TRANSFER_MAX));
		WORKS(edu_write_memory(edu, phys[1] + to % CHUNK, EDU_TRANSFER_MAX));
		sync_range(fd, to, PAGE, PINNED_MEM_SYNC_FOR_CPU | PINNED_MEM_SYNC_DEVICE_WRITES);
		CHECK(!memcmp(at + from, at + to, EDU_TRANSFER_MAX));
		FILLED(at + from, PAGE, seed);
	}
	edu_unlock(edu);
}

static void of_type(uint32_t type, bool needs_sync)
{
	int fd = open_pool();
	uint64_t phys[SLOTS];
	char *at;

	populate_type(fd, type, phys);
	at = map_slots(fd, 0, SLOTS);
	fill(at, SLOTS * CHUNK, 3);
	if (type == PINNED_MEM_TYPE_CACHED)
		mapped_as(at, phys, PAGE_ATTR_WRITE_BACK, PAGE_ATTR_WRITE_BACK);
	if (needs_sync) {
		sync_does_what_it_was_told(fd, phys);
	} else {
		forget_what_was_done();
		sync_range(fd, 77, SLOTS * CHUNK - 77, 15);
		none_done();
	}
	FILLED(at, SLOTS * CHUNK, 3);
	device_sees_it(fd, at, phys);
	close(fd);
	WORKS(munmap(at, SLOTS * CHUNK));
	COMES_TO_USE(0);
}

int main(void)
{
	WORKS(load_module_file("/modules/page_attr.ko"));
	attr_fd = WORKS(open(PAGE_ATTR_DEVICE, O_RDWR | O_CLOEXEC));
	start_watching();
	load_with("dma_coherent=0");
	coherent_is_not_cached();
	for (uint32_t type = 0; type <= PINNED_MEM_TYPE_CACHED; type++)
		of_type(type, type == PINNED_MEM_TYPE_CACHED);
	load_with("");
	for (uint32_t type = 0; type <= PINNED_MEM_TYPE_CACHED; type++)
		of_type(type, false);
	stop_watching();
	close(attr_fd);
	WORKS(unload_module_named("page_attr"));
	WORKS(write_text("/sys/module/pinned_mem/parameters/quarantine_ms", "1000"));
	return 0;
}
