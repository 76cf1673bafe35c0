// SPDX-License-Identifier: MIT
/*
 * Protects a program's objects and statistics when system calls fail: every system call that the
 * device backend and the tables make may fail, each one in turn and many at random. No object is
 * lost or corrupted, none gets a wrong physical address, and the library and the driver agree on
 * the number of chunks (Faults B29, B33).
 *
 * Functions of this file replace the library's system calls and act as a driver that keeps its
 * chunks in memfds. Each chunk gets a number as its physical address that is never used again.
 * Wraps: pn_sys_open pn_sys_ioctl pn_sys_identify pn_sys_dup_high pn_sys_map pn_sys_table
 * Wraps: pn_sys_table_at pn_sys_wipe_on_fork
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "arena/arena.h"
#include "os/sys.h"
#include "pinned.h"
#include "pinned_mem.h"
#include "suite.h"

#define POOLS 4096
#define OBJECTS 120
#define OPERATIONS 1500
#define HUGE ((size_t)400 << 20)

/*
 * @calls counts system calls. The call number @fail_at fails, and each call fails with a
 * probability of 1/@fail_of; 0 turns either off.
 */
static unsigned long calls, fail_at, fail_of;
/* Whether every request for table memory fails. */
static bool is_out_of_tables;
static unsigned int seed;

static bool must_fail(void)
{
	calls++;
	return calls == fail_at || (fail_of && !((unsigned int)rand_r(&seed) % fail_of));
}

/* The driver. */

static struct {
	ino_t inode;
	size_t chunks;
} pools[POOLS];
static size_t pool_count, chunk_count;
/* The physical address of the chunk in each slot of the arena, or 0 for an empty slot. */
static uint64_t *phys_of;
static uint64_t last_phys;

static size_t pool_of(int fd)
{
	struct stat status;

	ck_assert_int_eq(fstat(fd, &status), 0);
	for (size_t i = pool_count; i > 0; i--)
		if (pools[i - 1].inode == status.st_ino)
			return i - 1;
	ck_abort_msg("descriptor %d is no pool", fd);
}

static int fill(int fd, const struct pinned_mem_populate *request)
{
	uint64_t *phys = (uint64_t *)(uintptr_t)request->phys_ptr;
	size_t first = request->offset / PN_CHUNK_SIZE;

	for (size_t i = first; i < first + request->count; i++)
		if (phys_of[i])
			return EEXIST;
	for (size_t i = 0; i < request->count; i++) {
		phys[i] = ++last_phys * PN_CHUNK_SIZE;
		phys_of[first + i] = phys[i];
	}
	pools[pool_of(fd)].chunks += request->count;
	chunk_count += request->count;
	return 0;
}

static int empty(int fd, const struct pinned_mem_punch *request)
{
	size_t first = request->offset / PN_CHUNK_SIZE;

	for (size_t i = first; i < first + request->count; i++)
		if (!phys_of[i])
			return ENOENT;
	for (size_t i = first; i < first + request->count; i++)
		phys_of[i] = 0;
	pools[pool_of(fd)].chunks -= request->count;
	chunk_count -= request->count;
	ck_assert_int_eq(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
				   (off_t)request->offset, (off_t)(request->count * PN_CHUNK_SIZE)),
			 0);
	return 0;
}

static int inform(int fd, struct pinned_mem_info *info)
{
	info->abi_version = PINNED_MEM_ABI_VERSION;
	info->chunk_size = PINNED_MEM_CHUNK_SIZE;
	info->features = PINNED_MEM_FEATURE_COHERENT | PINNED_MEM_FEATURE_PHYS;
	info->pool_id = pool_of(fd) + 1;
	return 0;
}

/* System calls of the library that this file replaces. */

int __wrap_pn_sys_open(const char *path, int flags);
int __wrap_pn_sys_ioctl(int fd, unsigned long request, void *argument);
bool __wrap_pn_sys_identify(int fd, struct pn_sys_file *file);
int __wrap_pn_sys_dup_high(int fd);
int __wrap_pn_sys_map(void *addr, size_t size, int flags, int fd, uint64_t offset);
void *__wrap_pn_sys_table(size_t size);
int __wrap_pn_sys_table_at(void *addr, size_t size);
bool __wrap_pn_sys_wipe_on_fork(void *addr, size_t size);

bool __real_pn_sys_identify(int fd, struct pn_sys_file *file);
int __real_pn_sys_dup_high(int fd);
int __real_pn_sys_map(void *addr, size_t size, int flags, int fd, uint64_t offset);
void *__real_pn_sys_table(size_t size);
int __real_pn_sys_table_at(void *addr, size_t size);
bool __real_pn_sys_wipe_on_fork(void *addr, size_t size);

int __wrap_pn_sys_open(const char *path, int flags)
{
	struct stat status;
	int fd;

	(void)flags;
	ck_assert_str_eq(path, PINNED_MEM_DEVICE);
	if (must_fail() || pool_count == POOLS)
		return -ENFILE;
	fd = memfd_create("pool", MFD_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(ftruncate(fd, (off_t)1 << 40), 0);
	ck_assert_int_eq(fstat(fd, &status), 0);
	pools[pool_count++].inode = status.st_ino;
	return fd;
}

int __wrap_pn_sys_ioctl(int fd, unsigned long request, void *argument)
{
	if (must_fail())
		return ENOMEM;
	switch (request) {
	case PINNED_MEM_IOC_INFO:
		return inform(fd, argument);
	case PINNED_MEM_IOC_POPULATE:
		return fill(fd, argument);
	case PINNED_MEM_IOC_PUNCH:
		return empty(fd, argument);
	}
	return ENOTTY;
}

bool __wrap_pn_sys_identify(int fd, struct pn_sys_file *file)
{
	return !must_fail() && __real_pn_sys_identify(fd, file);
}

int __wrap_pn_sys_dup_high(int fd)
{
	return must_fail() ? -EMFILE : __real_pn_sys_dup_high(fd);
}

int __wrap_pn_sys_map(void *addr, size_t size, int flags, int fd, uint64_t offset)
{
	return must_fail() ? ENOMEM : __real_pn_sys_map(addr, size, flags, fd, offset);
}

void *__wrap_pn_sys_table(size_t size)
{
	return must_fail() || is_out_of_tables ? NULL : __real_pn_sys_table(size);
}

int __wrap_pn_sys_table_at(void *addr, size_t size)
{
	return must_fail() || is_out_of_tables ? ENOMEM : __real_pn_sys_table_at(addr, size);
}

bool __wrap_pn_sys_wipe_on_fork(void *addr, size_t size)
{
	return !must_fail() && __real_pn_sys_wipe_on_fork(addr, size);
}

/* The model. */

static struct {
	unsigned char *bytes;
	size_t size;
	unsigned char content;
} objects[OBJECTS];

static void check_content(size_t i, const unsigned char *bytes, size_t size)
{
	for (size_t at = 0; at < size; at += at < 64 || at + 64 >= size ? 1 : 509)
		if (bytes[at] != objects[i].content)
			ck_abort_msg("byte %zu of %zu changed", at, objects[i].size);
}

static void check_object(size_t i)
{
	size_t offset = pn_arena_offset(objects[i].bytes), last = offset + objects[i].size - 1;

	check_content(i, objects[i].bytes, objects[i].size);
	ck_assert_uint_ge(pinned_usable_size(objects[i].bytes), objects[i].size);
	ck_assert_uint_eq(pinned_v2p(objects[i].bytes),
			  phys_of[offset / PN_CHUNK_SIZE] + offset % PN_CHUNK_SIZE);
	ck_assert_uint_eq(pinned_v2p(objects[i].bytes + objects[i].size - 1),
			  phys_of[last / PN_CHUNK_SIZE] + last % PN_CHUNK_SIZE);
}

static void set(size_t i, unsigned char *bytes, size_t size)
{
	objects[i].bytes = bytes;
	objects[i].size = size;
	objects[i].content = (unsigned char)rand_r(&seed);
	memset(bytes, objects[i].content, size);
	check_object(i);
}

static size_t random_size(void)
{
	return 1 + (size_t)rand_r(&seed) % ((size_t)1 << (4 + rand_r(&seed) % 19));
}

static void create(size_t i)
{
	size_t size = random_size();
	unsigned char *bytes;

	errno = 0;
	switch (rand_r(&seed) % 4) {
	case 0:
		bytes = pinned_memalign((size_t)16 << rand_r(&seed) % 18, size);
		break;
	case 1:
		bytes = pinned_calloc(1, size);
		for (size_t at = 0; bytes && at < size; at++)
			if (bytes[at])
				ck_abort_msg("byte %zu of %zu is not zero", at, size);
		break;
	default:
		bytes = pinned_malloc(size);
	}
	if (bytes)
		set(i, bytes, size);
	else
		ck_assert_int_eq(errno, ENOMEM);
}

static void resize(size_t i)
{
	size_t size = random_size(), kept = size < objects[i].size ? size : objects[i].size;
	unsigned char *bytes = pinned_realloc(objects[i].bytes, size);

	if (!bytes) {
		check_object(i);
		return;
	}
	check_content(i, bytes, kept);
	set(i, bytes, size);
}

static void destroy(size_t i)
{
	check_object(i);
	errno = E2BIG;
	pinned_free(objects[i].bytes);
	ck_assert_int_eq(errno, E2BIG);
	objects[i].bytes = NULL;
}

/* Allocates an object that takes several requests to the driver, of which a later one may fail. */
static void use_huge(void)
{
	char *bytes = pinned_malloc(HUGE);

	if (!bytes)
		return;
	bytes[0] = 1;
	bytes[HUGE - 1] = 1;
	pinned_free(bytes);
}

static void check_figures(bool is_empty)
{
	struct pinned_stats stats = { .size = sizeof(stats) };

	ck_assert_int_eq(pinned_stats(&stats), 0);
	ck_assert_uint_eq(stats.chunk_bytes / PN_CHUNK_SIZE, chunk_count);
	if (is_empty)
		ck_assert_uint_eq(stats.object_bytes - stats.cached_bytes, 0);
}

static void operate(int operations)
{
	while (operations--) {
		size_t i = (size_t)rand_r(&seed) % OBJECTS;

		if (!objects[i].bytes)
			create(i);
		else if (rand_r(&seed) % 3)
			destroy(i);
		else
			resize(i);
		if (!(rand_r(&seed) % 64))
			pinned_purge();
		if (!(rand_r(&seed) % 64))
			use_huge();
	}
}

static void end(void)
{
	fail_at = 0;
	fail_of = 0;
	for (size_t i = 0; i < OBJECTS; i++)
		if (objects[i].bytes)
			destroy(i);
	pinned_purge();
	check_figures(true);
	/* Allocation works again after the failures. */
	create(0);
	ck_assert_ptr_nonnull(objects[0].bytes);
	destroy(0);
}

static void begin(unsigned int wanted_seed)
{
	setenv("PINNED_CONF", "backend:device,decay_ms:0", 1);
	phys_of = calloc((size_t)1 << 20, sizeof(*phys_of));
	ck_assert_ptr_nonnull(phys_of);
	seed = wanted_seed;
}

/* Four processes share the calls: each makes every fourth call fail, from its own start on. */
START_TEST(any_one_call_fails)
{
	begin(7);
	create(0);
	ck_assert_str_eq(pinned_backend(), "device");
	for (unsigned long step = (unsigned long)_i; step < 400; step += 4) {
		fail_at = calls + 1 + step;
		operate(40);
		check_figures(false);
	}
	end();
}
END_TEST

START_TEST(many_calls_fail)
{
	static const unsigned long of[] = { 2, 3, 10, 50 };

	begin(test_seed() + (unsigned int)_i);
	create(0);
	for (int round = 0; round < 4; round++) {
		fail_of = of[((unsigned int)_i + (unsigned int)round) % 4];
		operate(OPERATIONS / 4);
		check_figures(false);
		fail_of = 0;
		operate(100);
		check_figures(false);
	}
	end();
}
END_TEST

/* If the library's initialisation fails, the process has no backend and holds no chunk. */
START_TEST(the_start_fails)
{
	begin(1);
	fail_at = (unsigned long)_i + 1;
	create(0);
	if (strcmp(pinned_backend(), "none")) {
		end();
		return;
	}
	ck_assert_ptr_null(objects[0].bytes);
	ck_assert_ptr_null(pinned_malloc(1));
	ck_assert_uint_eq(chunk_count, 0);
	ck_assert(!pinned_owns(&seed));
	ck_assert_uint_eq(pinned_purge(), 0);
}
END_TEST

/* Sizes of two size classes and of a medium object, which caches keep in different ways. */
static const size_t sizes[] = { 48, 3000, 70000 };

#define SIZES (sizeof(sizes) / sizeof(*sizes))
#define MANY 8192

static void *many[MANY];
static size_t many_count;
static pthread_barrier_t barrier;

/* Gets a thread cache first; later there is no memory for that cache's stacks of these sizes. */
static void *free_half(void *unused)
{
	(void)unused;
	pinned_free(pinned_malloc(512));
	pthread_barrier_wait(&barrier);
	pthread_barrier_wait(&barrier);
	for (size_t i = 0; i < many_count; i += 2)
		pinned_free(many[i]);
	return NULL;
}

static void add_to_many(size_t size)
{
	ck_assert_uint_lt(many_count, MANY);
	many[many_count] = pinned_malloc(size);
	many_count += !!many[many_count];
}

static void use_up_tables(void)
{
	size_t before;

	is_out_of_tables = true;
	do {
		before = many_count;
		add_to_many(sizes[SIZES - 1]);
	} while (many_count > before);
}

/* A freed object for which the cache has no stack goes back to its slab at once and is not lost. */
START_TEST(no_memory_for_stacks)
{
	struct pinned_stats stats = { .size = sizeof(stats) };
	pthread_t thread;

	begin(1);
	pthread_barrier_init(&barrier, NULL, 2);
	for (size_t i = 0; i < 8 * SIZES; i++)
		add_to_many(sizes[i % SIZES]);
	ck_assert_uint_eq(many_count, 8 * SIZES);
	ck_assert_int_eq(pthread_create(&thread, NULL, free_half, NULL), 0);
	pthread_barrier_wait(&barrier);
	use_up_tables();
	pthread_barrier_wait(&barrier);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	for (size_t i = 1; i < many_count; i += 2)
		pinned_free(many[i]);
	pinned_purge();
	ck_assert_int_eq(pinned_stats(&stats), 0);
	ck_assert_uint_eq(stats.cached_bytes, 0);
	ck_assert_uint_eq(stats.object_bytes, 0);
	/* Each size class keeps its last slab. */
	ck_assert_uint_le(chunk_count, 1);
	is_out_of_tables = false;
	end();
}
END_TEST

static void add(TCase *tcase)
{
	tcase_add_loop_test(tcase, any_one_call_fails, 0, 4);
	tcase_add_loop_test(tcase, many_calls_fail, 0, 12);
	tcase_add_loop_test(tcase, the_start_fails, 0, 16);
	tcase_add_test(tcase, no_memory_for_stacks);
}

int main(void)
{
	return run_suite("failing_system_calls_lose_nothing", add);
}
