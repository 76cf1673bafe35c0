// SPDX-License-Identifier: MIT
/*
 * Finds the next definitions; see next.h.
 *
 * All names are looked up together, once, in the dynamic linker's list of objects (elf.h). dlsym()
 * is not used, because dlsym() may allocate, and because it waits while another thread runs a
 * plugin's constructor. The lookup happens in the first call of any function of the malloc family,
 * or else in this library's constructor. Reading the list without its lock is safe at that time:
 *
 * - If this library is preloaded, then it is in the initial list and receives all allocations. Only
 *   a second thread could change the list during the lookup. pthread_create() allocates the second
 *   thread's data first, so the first call of the family has returned before that thread exists.
 * - If a program opens this library by dlopen(), then the constructor runs while dlopen() holds the
 *   list's lock, and nothing can call a function of this library earlier.
 *
 * Every object is relocated by then: the dynamic linker makes its own first call of malloc after it
 * has relocated all initial objects. For the initial objects, the order of the list is the search
 * order. Objects that are loaded later come after them in the search, so they are never the first
 * to define a name that the C library defines.
 *
 * Two threads that run the lookup at the same time find the same definitions and write the same
 * values.
 */
#define _GNU_SOURCE
#include "next.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdint.h>

#include "elf.h"
#include "os/base.h"

/* C libraries other than glibc do not define this. */
extern const char *gnu_get_libc_version(void) __attribute__((weak));

struct pn_family pn_next;
int (*pn_next_prctl)(int option, ...);
int (*pn_next_madvise)(void *addr, size_t length, int advice);
void *(*pn_next_dlopen)(const char *file, int flags);
void *(*pn_next_dlmopen)(long name_space, const char *file, int flags);

static bool is_resolved, is_preceded, knows_sizes;
/* The object that defines the next malloc, if that is not the C library; else empty. */
static struct pn_elf_range other_allocator;

/* Substitutes for names that no object defines: C libraries differ in their extensions. */

static void absent_free_sized(void *ptr, size_t size)
{
	(void)size;
	pn_next.free(ptr);
}

static void absent_free_aligned_sized(void *ptr, size_t alignment, size_t size)
{
	(void)alignment;
	(void)size;
	pn_next.free(ptr);
}

static void *absent_reallocarray(void *ptr, size_t count, size_t size)
{
	size_t total;

	if (!__builtin_mul_overflow(count, size, &total))
		return pn_next.realloc(ptr, total);
	errno = ENOMEM;
	return NULL;
}

static void *absent_memalign(size_t alignment, size_t size)
{
	return pn_next.aligned_alloc(alignment, size);
}

static void *absent_valloc(size_t size)
{
	return pn_next.aligned_alloc(PN_PAGE_SIZE, size);
}

static void *absent_pvalloc(size_t size)
{
	return pn_next.aligned_alloc(PN_PAGE_SIZE, pn_round_up(size, PN_PAGE_SIZE));
}

static size_t absent_malloc_usable_size(void *ptr)
{
	(void)ptr;
	return 0;
}

static int absent_malloc_trim(size_t pad)
{
	(void)pad;
	return 0;
}

static int absent_mallopt(int parameter, int value)
{
	(void)parameter;
	(void)value;
	return 0;
}

static struct mallinfo absent_mallinfo(void)
{
	return (struct mallinfo){ 0 };
}

/*
 * Replaces mallinfo2(), which glibc has since 2.33. The figures of mallinfo() are ints that wrap;
 * read as unsigned, they are right up to 4 GiB.
 */
static struct mallinfo2 absent_mallinfo2(void)
{
	struct mallinfo info = pn_next.mallinfo();

	return (struct mallinfo2){
		.arena = (unsigned int)info.arena,
		.ordblks = (unsigned int)info.ordblks,
		.smblks = (unsigned int)info.smblks,
		.hblks = (unsigned int)info.hblks,
		.hblkhd = (unsigned int)info.hblkhd,
		.usmblks = (unsigned int)info.usmblks,
		.fsmblks = (unsigned int)info.fsmblks,
		.uordblks = (unsigned int)info.uordblks,
		.fordblks = (unsigned int)info.fordblks,
		.keepcost = (unsigned int)info.keepcost,
	};
}

static int absent_malloc_info(int options, FILE *stream)
{
	(void)options;
	(void)stream;
	errno = ENOSYS;
	return -1;
}

static void absent_malloc_stats(void)
{
}

/* Every C library defines the other functions. */
static const struct pn_family absent = {
	.free_sized = absent_free_sized,
	.free_aligned_sized = absent_free_aligned_sized,
	.reallocarray = absent_reallocarray,
	.memalign = absent_memalign,
	.valloc = absent_valloc,
	.pvalloc = absent_pvalloc,
	.malloc_usable_size = absent_malloc_usable_size,
	.malloc_trim = absent_malloc_trim,
	.mallopt = absent_mallopt,
	.mallinfo = absent_mallinfo,
	.mallinfo2 = absent_mallinfo2,
	.malloc_info = absent_malloc_info,
	.malloc_stats = absent_malloc_stats,
};

#define INDEX_OF(result, name, parameters, arguments) INDEX_##name,
#define NAME_OF(result, name, parameters, arguments) #name,

enum {
	PN_FAMILY(INDEX_OF) INDEX_prctl,
	INDEX_madvise,
	INDEX_dlopen,
	INDEX_dlmopen,
	INDEX_gnu_get_libc_version,
	NAMES,
};

static const char *const names[NAMES] = {
	PN_FAMILY(NAME_OF) "prctl", "madvise", "dlopen", "dlmopen", "gnu_get_libc_version",
};

/* The definition of each name, and the object that contains it. */
struct found {
	void *definition[NAMES];
	const struct link_map *owner[NAMES];
};

/*
 * Searches the objects from @map up to, but not including, @end for names that are not found yet.
 */
static void search(struct found *found, const struct link_map *map, const struct link_map *end)
{
	struct pn_elf elf;

	for (; map && map != end; map = map->l_next) {
		if (!pn_elf_open(&elf, map))
			continue;
		for (size_t i = 0; i < NAMES; i++) {
			if (found->definition[i])
				continue;
			found->definition[i] = pn_elf_find(&elf, names[i]);
			found->owner[i] = map;
		}
	}
}

static const struct link_map *find_self(const struct link_map *first)
{
	while (first && !pn_elf_is_self(first))
		first = first->l_next;
	return first;
}

/* Returns whether @program, the first object of its namespace, defines malloc. */
static bool program_defines_malloc(const struct link_map *program)
{
	struct pn_elf elf;

	return !pn_elf_is_self(program) && pn_elf_open(&elf, program) &&
	       pn_elf_find(&elf, "malloc");
}

static void search_list(struct found *found, const struct link_map *first,
			const struct link_map *self)
{
	const struct link_map *of_malloc;

	search(found, self->l_next, NULL);
	/* If a program opened this library by dlopen(), the next definitions are before it. */
	search(found, first, self);
	of_malloc = found->owner[INDEX_malloc];
	is_preceded = program_defines_malloc(first);
	knows_sizes = of_malloc == found->owner[INDEX_malloc_usable_size];
	if (of_malloc != found->owner[INDEX_gnu_get_libc_version])
		other_allocator = pn_elf_range(of_malloc);
}

/*
 * Looks the names up by dlsym(), for C libraries other than glibc: they export no list of objects,
 * and their dlsym() does not allocate.
 */
static void ask_linker(struct found *found)
{
	for (size_t i = 0; i < NAMES; i++)
		found->definition[i] = dlsym(RTLD_NEXT, names[i]);
}

void pn_next_resolve(void)
{
	struct found found = { 0 };
	const struct link_map *first, *self;
	void *at;

	if (__atomic_load_n(&is_resolved, __ATOMIC_ACQUIRE))
		return;
	first = pn_elf_first();
	self = find_self(first);
	if (self)
		search_list(&found, first, self);
	else
		ask_linker(&found);
#define TAKE(result, name, parameters, arguments) \
	at = found.definition[INDEX_##name];      \
	pn_next.name = at ? (result(*) parameters)at : absent.name;
	PN_FAMILY(TAKE)
	pn_next_prctl = found.definition[INDEX_prctl];
	pn_next_madvise = found.definition[INDEX_madvise];
	pn_next_dlopen = found.definition[INDEX_dlopen];
	pn_next_dlmopen = found.definition[INDEX_dlmopen];
	__atomic_store_n(&is_resolved, true, __ATOMIC_RELEASE);
}

bool pn_next_is_preceded(void)
{
	return is_preceded;
}

bool pn_next_knows_sizes(void)
{
	return knows_sizes;
}

bool pn_next_is_caller(const void *caller)
{
	return (uintptr_t)caller - other_allocator.start < other_allocator.size;
}

bool pn_next_is_glibc(void)
{
	return gnu_get_libc_version != NULL;
}

/* Returns the minor version of the C library: 36 for "2.36". */
static int minor_version(void)
{
	const char *version = gnu_get_libc_version();
	int minor = 0;

	for (const char *at = version + 2; version[1] == '.' && *at >= '0' && *at <= '9'; at++)
		minor = minor * 10 + (*at - '0');
	return minor;
}

bool pn_next_rounds_alignment(void)
{
	return minor_version() < 38;
}

void pn_next_start(void)
{
	if (minor_version() < 34)
		pn_next.free(pn_next.malloc(1));
}
