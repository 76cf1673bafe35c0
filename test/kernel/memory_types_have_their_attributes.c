// SPDX-License-Identifier: MIT
/*
 * Each memory type is what its name says: the user's mapping and the kernel's own mapping have the
 * type's caching attribute, on huge and on small pages. A forked child's copies are write-back.
 * Before a chunk returns to the machine, in whatever way, its kernel mapping is write-back again
 * (Faults A38, A46).
 */
#include "guest.h"

#include "page_attr.h"

#define SLOTS 3UL

static int attr_fd;

static struct page_attr attr_of(uint64_t addr, bool is_phys)
{
	struct page_attr attr = { .addr = addr, .kernel = is_phys };

	WORKS(ioctl(attr_fd, PAGE_ATTR_IOC_GET, &attr));
	return attr;
}

static uint32_t user_attr(const void *at)
{
	return attr_of((uintptr_t)at, false).attr;
}

static uint32_t kernel_attr(uint64_t phys)
{
	return attr_of(phys, true).attr;
}

static uint32_t wanted_user(uint32_t type)
{
	if (type == PINNED_MEM_TYPE_UNCACHED)
		return PAGE_ATTR_UNCACHED;
	/* arm64 has one type of uncached normal memory, which combines writes. */
	if (type == PINNED_MEM_TYPE_WRITE_COMBINE)
		return IS_X86 ? PAGE_ATTR_WRITE_COMBINE : PAGE_ATTR_UNCACHED;
	return PAGE_ATTR_WRITE_BACK;
}

/* On arm64 the kernel's own mapping stays cacheable, as for all DMA memory. */
static uint32_t wanted_kernel(uint32_t type)
{
	return IS_X86 ? wanted_user(type) : PAGE_ATTR_WRITE_BACK;
}

static int populate_type(int fd, unsigned long slot, unsigned int count, uint32_t type,
			 uint64_t *phys)
{
	struct pinned_mem_populate request = populate_request(slot, count);

	request.memory_type = type;
	request.phys_ptr = (uintptr_t)phys;
	return ioctl(fd, PINNED_MEM_IOC_POPULATE, &request);
}

static void both_mappings_agree(const char *at, const uint64_t *phys, uint32_t type)
{
	unsigned long page;

	for (page = 0; page < SLOTS * CHUNK_PAGES; page += 73) {
		EQUAL(user_attr(at + page * PAGE), wanted_user(type));
		EQUAL(kernel_attr(phys[page / CHUNK_PAGES] + page % CHUNK_PAGES * PAGE),
		      wanted_kernel(type));
	}
}

static void child_has_ordinary_copies(void *at)
{
	FILLED(at, SLOTS * CHUNK, 3);
	for (unsigned long page = 0; page < SLOTS * CHUNK_PAGES; page += 73)
		EQUAL(user_attr((char *)at + page * PAGE), PAGE_ATTR_WRITE_BACK);
	fill(at, SLOTS * CHUNK, 4);
}

static void is_write_back_again(const uint64_t *phys)
{
	struct page_attr attr;

	for (unsigned long i = 0; i < SLOTS; i++)
		EQUAL(kernel_attr(phys[i]), PAGE_ATTR_WRITE_BACK);
	attr = attr_of(phys[0], true);
	EQUAL(attr.not_write_back, 0);
}

static void in_use(uint32_t type, uint64_t *phys)
{
	int fd = open_pool();
	char *huge, *small;

	WORKS(populate_type(fd, 0, SLOTS, type, phys));
	huge = map_slots(fd, 0, SLOTS);
	small = map_slots_off(fd, 0, SLOTS, PAGE);
	ZEROED(huge, SLOTS * CHUNK);
	fill(huge, SLOTS * CHUNK, 3);
	FILLED(small, SLOTS * CHUNK, 3);
	both_mappings_agree(huge, phys, type);
	both_mappings_agree(small, phys, type);
	if (info_of(fd).features & PINNED_MEM_FEATURE_HUGE_MAP)
		EQUAL(smaps_kib(huge, "FilePmdMapped"), SLOTS * CHUNK / 1024);
	ENDED_WELL(spawn(child_has_ordinary_copies, huge));
	FILLED(huge, SLOTS * CHUNK, 3);
	touch_pages(small, SLOTS * CHUNK);
	both_mappings_agree(huge, phys, type);
	both_mappings_agree(small, phys, type);
}

static void uses(void *arg)
{
	uint32_t *type = arg;
	uint64_t phys[SLOTS];

	in_use(*type, phys);
}

static void dies(void *arg)
{
	uses(arg);
	raise(SIGKILL);
}

/* Frees chunks by PUNCH, by close and by death, then lets others use the memory. */
static void goes_back(uint32_t type)
{
	uint64_t phys[SLOTS];
	struct page_attr attr;
	int fd = open_pool();
	pid_t pid;

	WORKS(write_text("/sys/module/pinned_mem/parameters/quarantine_ms", "0"));
	attr_of(0, true);
	WORKS(populate_type(fd, 0, SLOTS, type, phys));
	WORKS(punch(fd, 0, SLOTS));
	EQUAL(attr_of(phys[0], true).not_write_back, 0);
	is_write_back_again(phys);
	WORKS(populate_type(fd, 7, SLOTS, type, phys));
	close(fd);
	COMES_TO_USE(0);
	is_write_back_again(phys);
	pid = spawn(dies, &type);
	ENDED_OR_KILLED(pid);
	COMES_TO_USE(0);
	attr = attr_of(phys[0], true);
	EQUAL(attr.not_write_back, 0);
	/* The dead process's memory was freed, and the test module saw that. */
	CHECK(attr.freed >= SLOTS);
	WORKS(write_text("/sys/module/pinned_mem/parameters/quarantine_ms", "1000"));
}

/* A pool has one type until it is empty; a mapping made for another type shows nothing. */
static void one_type_a_pool(void)
{
	int fd = open_pool();
	struct pinned_mem_info before;
	struct pinned_mem_query found;
	char *at = map_slots(fd, 0, 4);

	WORKS(populate_type(fd, 0, 1, PINNED_MEM_TYPE_COHERENT, NULL));
	before = info_of(fd);
	REFUSED(populate_type(fd, 1, 1, PINNED_MEM_TYPE_WRITE_COMBINE, NULL), EBUSY);
	UNCHANGED(fd, before);
	WORKS(punch(fd, 0, 1));
	WORKS(populate_type(fd, 1, 1, PINNED_MEM_TYPE_WRITE_COMBINE, NULL));
	WORKS(query(fd, CHUNK, &found));
	EQUAL(found.memory_type, PINNED_MEM_TYPE_WRITE_COMBINE);
	EQUAL(signal_of_write(at + CHUNK), SIGBUS);
	map_again(fd, at, 0, 4);
	EQUAL(signal_of_write(at + CHUNK), 0);
	WORKS(mprotect(at, 4 * CHUNK, PROT_READ));
	WORKS(mprotect(at, 4 * CHUNK, RW));
	EQUAL(signal_of_write(at + CHUNK + PAGE), 0);
	EQUAL(user_attr(at + CHUNK + PAGE), wanted_user(PINNED_MEM_TYPE_WRITE_COMBINE));
	close(fd);
}

int main(void)
{
	WORKS(load_module_file("/modules/page_attr.ko"));
	attr_fd = WORKS(open(PAGE_ATTR_DEVICE, O_RDWR | O_CLOEXEC));
	for (uint32_t type = 0; type <= PINNED_MEM_TYPE_CACHED; type++) {
		ENDED_WELL(spawn(uses, &type));
		COMES_TO_USE(0);
		goes_back(type);
	}
	one_type_a_pool();
	close(attr_fd);
	WORKS(unload_module_named("page_attr"));
	return 0;
}
