// SPDX-License-Identifier: MIT
/*
 * A program with a cache of memory registrations, like those of RDMA libraries. It learns in the
 * way that its argument names which memory has gone:
 *
 *	ucm	by UCX's libucm, which patches functions or tables of addresses
 *	tables	by replacing addresses in procedure linkage tables, as libfabric's memhooks do
 *
 * It does not use pinned memory's interface. In each round it allocates a buffer and looks it up in
 * the cache. A buffer that reads as zeros is new memory: its old registration, if the cache still
 * contains it, would lead a device to a page that belongs to somebody else. While it hears of
 * memory, the program allocates, frees, maps, unmaps and forks.
 *
 * usage: hears_of_memory ucm|tables
 * Prints how many of the rounds began with new memory, used a stale registration, or heard of their
 * buffer more than once or not before it went.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/mman.h>

#include "../../lib/check.h"

#define SIZE ((size_t)4 << 20)
#define ROUNDS 20
#define PAGE 4096

/* The cache contains one buffer. */
static char *cached;
static unsigned int events, too_late;
static bool is_hearing;

static void do_everything(void)
{
	char *objects[] = { malloc(50), malloc(300000), malloc(SIZE) };
	void *mapped = mmap(NULL, SIZE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	pid_t child = fork();

	if (!child) {
		char *object = malloc(SIZE);

		memset(object, 1, SIZE);
		free(object);
		free(objects[1]);
		_exit(0);
	}
	CHECK_ENDS_WELL(child);
	for (int i = 0; i < 3; i++)
		free(objects[i]);
	CHECK(!munmap(mapped, SIZE));
}

static void hear(void *begin, size_t size)
{
	char *from = begin;

	if (is_hearing || !cached || from >= cached + SIZE || from + size <= cached)
		return;
	is_hearing = true;
	events++;
	/* The data must still be there. */
	too_late += from > cached || from + size < cached + SIZE || cached[0] != 1 ||
		    cached[SIZE - 1] != 1;
	cached = NULL;
	do_everything();
	is_hearing = false;
}

/* By libucm. These are parts of its public interface, ucm/api/ucm.h. */

#define UCM_EVENT_VM_UNMAPPED (1 << 17)

struct ucm_unmapped {
	void *address;
	size_t size;
};

static void hear_ucm(int type, struct ucm_unmapped *event, void *argument)
{
	(void)argument;
	if (type == UCM_EVENT_VM_UNMAPPED)
		hear(event->address, event->size);
}

static void start_ucm(void)
{
	/* Debian's libucm uses libucs, but does not name it. */
	void *library = dlopen("libucs.so.0", RTLD_NOW | RTLD_GLOBAL);
	int (*set)(int, int, void (*)(int, struct ucm_unmapped *, void *), void *);

	CHECK(library);
	library = dlopen("libucm.so.0", RTLD_NOW);
	CHECK(library);
	*(void **)&set = dlsym(library, "ucm_set_event_handler");
	CHECK(set && !set(UCM_EVENT_VM_UNMAPPED, 1000, hear_ucm, NULL));
}

/* By tables. */

static int (*real_madvise)(void *, size_t, int);
static int (*real_munmap)(void *, size_t);

static int my_madvise(void *addr, size_t size, int advice)
{
	hear(addr, size);
	return real_madvise(addr, size, advice);
}

static int my_munmap(void *addr, size_t size)
{
	hear(addr, size);
	return real_munmap(addr, size);
}

typedef ElfW(Dyn) dynamic_entry;
typedef ElfW(Rela) relocation;
typedef ElfW(Sym) symbol;

static uintptr_t entry_of(const dynamic_entry *entry, long tag)
{
	for (; entry->d_tag != DT_NULL; entry++)
		if (entry->d_tag == tag)
			return entry->d_un.d_ptr;
	return 0;
}

static void replace(void **place, void *function)
{
	void *page = (void *)((uintptr_t)place & ~(uintptr_t)(PAGE - 1));

	CHECK(!mprotect(page, PAGE, PROT_READ | PROT_WRITE));
	*place = function;
}

static int patch(struct dl_phdr_info *info, size_t size, void *nothing)
{
	const dynamic_entry *dynamic = NULL;
	const relocation *reloc;
	const symbol *symbols;
	const char *names;
	size_t bytes;

	(void)size;
	(void)nothing;
	for (int i = 0; i < info->dlpi_phnum; i++)
		if (info->dlpi_phdr[i].p_type == PT_DYNAMIC)
			dynamic = (const void *)(info->dlpi_addr + info->dlpi_phdr[i].p_vaddr);
	/* The vDSO's table contains addresses that are not relocated; it imports nothing. */
	if (!dynamic || !entry_of(dynamic, DT_JMPREL))
		return 0;
	reloc = (const void *)entry_of(dynamic, DT_JMPREL);
	bytes = entry_of(dynamic, DT_PLTRELSZ);
	symbols = (const void *)entry_of(dynamic, DT_SYMTAB);
	names = (const void *)entry_of(dynamic, DT_STRTAB);
	for (size_t i = 0; i < bytes / sizeof(*reloc); i++) {
		const char *name = names + symbols[ELF64_R_SYM(reloc[i].r_info)].st_name;
		void **place = (void **)(info->dlpi_addr + reloc[i].r_offset);

		if (!strcmp(name, "madvise"))
			replace(place, my_madvise);
		else if (!strcmp(name, "munmap"))
			replace(place, my_munmap);
	}
	return 0;
}

static void start_tables(void)
{
	real_madvise = (int (*)(void *, size_t, int))dlsym(RTLD_DEFAULT, "madvise");
	real_munmap = (int (*)(void *, size_t))dlsym(RTLD_DEFAULT, "munmap");
	dl_iterate_phdr(patch, NULL);
}

int main(int argc, char **argv)
{
	unsigned int new = 0, stale = 0, twice = 0;

	CHECK(argc == 2);
	if (!strcmp(argv[1], "ucm"))
		start_ucm();
	else
		start_tables();
	for (int i = 0; i < ROUNDS; i++) {
		char *buffer = malloc(SIZE);
		bool is_new = !buffer[0] && !buffer[SIZE - 1];

		new += is_new;
		stale += is_new && cached == buffer;
		memset(buffer, 1, SIZE);
		cached = buffer;
		events = 0;
		free(buffer);
		malloc_trim(0);
		twice += events > 1;
	}
	printf("%u rounds, %u with new memory, %u stale, %u heard twice, %u heard too late\n",
	       ROUNDS, new, stale, twice, too_late);
	return 0;
}
