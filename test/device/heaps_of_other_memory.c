// SPDX-License-Identifier: MIT
/*
 * Protects programs that ask for a certain kind of memory: a heap has the requested type, ceiling
 * and node, its contiguous objects are contiguous, and translations are correct in all heaps. A
 * destroyed heap frees all its memory, thousands of times (Faults A38, B35).
 */
#include "guest.h"
#include "pinned.h"

#include <sched.h>
#include <sys/syscall.h>

/*
 * Every machine has memory below this. test/kernel/address_ceiling_is_obeyed.c shows that the
 * driver obeys ceilings.
 */
#define LOW ((uint64_t)4 << 30)

static const size_t sizes[] = { 1, 1000, 40000, 2097152, 6000000 };
#define SIZES (sizeof(sizes) / sizeof(sizes[0]))

static struct pinned_heap *make_heap(struct pinned_heap_options options)
{
	struct pinned_heap *heap;

	options.size = sizeof(options);
	heap = pinned_heap_create(&options);
	if (!heap)
		FAIL("pinned_heap_create: %s", strerror(errno));
	return heap;
}

static void check_object(char *object, size_t size, uint64_t max_phys)
{
	if (!object)
		FAIL("no object of %zu bytes up to %llx", size, (unsigned long long)max_phys);
	fill(object, size, size);
	for (size_t at = 0; at < size; at += PAGE) {
		EQUAL(pinned_v2p(object + at), phys_of(object + at));
		CHECK(pinned_v2p(object + at) <= max_phys);
	}
	CHECK(pinned_v2p(object + size - 1) <= max_phys);
	FILLED(object, size, size);
}

static void use_heap(struct pinned_heap *heap, uint64_t max_phys)
{
	char *objects[SIZES];

	for (size_t i = 0; i < SIZES; i++) {
		objects[i] = pinned_heap_calloc(heap, 1, sizes[i]);
		ZEROED(objects[i], sizes[i]);
		check_object(objects[i], sizes[i], max_phys);
	}
	objects[1] = pinned_realloc(objects[1], 3000000);
	check_object(objects[1], 3000000, max_phys);
	WORKS(pinned_sync_for_device(objects[4], sizes[4], PINNED_DEVICE_READS));
	WORKS(pinned_sync_for_cpu(objects[4] + 77, 5000, PINNED_DEVICE_WRITES));
	for (size_t i = 0; i < SIZES; i++)
		pinned_free(objects[i]);
	/* Empties the slots and fills them again, under the same mapping. */
	CHECK(pinned_purge() >= 3 * CHUNK);
	objects[0] = pinned_heap_malloc(heap, 5000);
	check_object(objects[0], 5000, max_phys);
}

static void of_type(uint32_t type, const char *name)
{
	unsigned long before = used_chunks();
	int pools = pools_of_type(name);
	struct pinned_heap *heap = make_heap((struct pinned_heap_options){ .memory_type = type });
	char *object;

	use_heap(heap, UINT64_MAX);
	EQUAL(pools_of_type(name), pools + 1);
	object = pinned_heap_malloc(heap, 5000);
	WORKS(pinned_heap_destroy(heap));
	EQUAL(used_chunks(), before);
	EQUAL(pools_of_type(name), pools);
	EQUAL(pinned_v2p(object), PINNED_NO_PHYS);
	EQUAL(signal_of_read(object), SIGSEGV);
}

static void below_a_ceiling(void)
{
	struct pinned_heap_options options = { .max_phys = LOW - 1 };
	struct pinned_heap *heap = make_heap(options);

	use_heap(heap, LOW - 1);
	WORKS(pinned_heap_destroy(heap));
}

/* Returns the node, or -1 if the kernel does not tell. */
static int node_of(void *at)
{
	int status = -1;

	if (syscall(SYS_move_pages, 0, 1UL, &at, NULL, &status, 0))
		return -1;
	return status;
}

static void on_a_node(int node)
{
	struct pinned_heap_options options = { .flags = PINNED_HEAP_NODE, .node = node };
	struct pinned_heap *heap = make_heap(options);
	char *object = pinned_heap_malloc(heap, 5000000);

	CHECK(object);
	for (size_t at = 0; at < 5000000; at += CHUNK) {
		object[at] = 1;
		CHECK(node_of(object + at) == node || node_of(object + at) < 0);
	}
	WORKS(pinned_heap_destroy(heap));
}

/* Without a requested node, the driver first tries the node on which the thread runs. */
static void where_the_thread_runs(int cpu)
{
	struct pinned_heap *heap = make_heap((struct pinned_heap_options){ 0 });
	unsigned int node = 0;
	cpu_set_t cpus;
	char *object;

	CPU_ZERO(&cpus);
	CPU_SET(cpu, &cpus);
	WORKS(sched_setaffinity(0, sizeof(cpus), &cpus));
	WORKS(syscall(SYS_getcpu, NULL, &node, NULL));
	object = pinned_heap_malloc(heap, 5000);
	CHECK(object);
	*object = 1;
	CHECK(node_of(object) == (int)node || node_of(object) < 0);
	CPU_SET(0, &cpus);
	CPU_SET(1, &cpus);
	WORKS(sched_setaffinity(0, sizeof(cpus), &cpus));
	WORKS(pinned_heap_destroy(heap));
}

static void write_to(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);

	WORKS(fd);
	EQUAL(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

/*
 * Returns whether the kernel has a free block of two chunks, which the last column (the largest
 * order) counts.
 */
static bool has_large_blocks(void)
{
	FILE *file = fopen("/proc/buddyinfo", "re");
	unsigned long count = 0;
	char line[400];

	CHECK(file);
	while (!count && fgets(line, sizeof(line), file)) {
		line[strcspn(line, "\n")] = '\0';
		while (*line && line[strlen(line) - 1] == ' ')
			line[strlen(line) - 1] = '\0';
		count = strtoul(strrchr(line, ' '), NULL, 10);
	}
	fclose(file);
	return count;
}

/*
 * If other tests have fragmented memory, no contiguous run may be left; then malloc fails with
 * ENOMEM.
 */
static void contiguous(void)
{
	struct pinned_heap_options options = { .flags = PINNED_HEAP_CONTIGUOUS };
	struct pinned_heap *heap = make_heap(options);
	struct pinned_extent extents[8];

	write_to("/proc/sys/vm/drop_caches", "3");
	write_to("/proc/sys/vm/compact_memory", "1");
	for (size_t chunks = 1; chunks <= 4; chunks *= 2) {
		char *object = pinned_heap_malloc(heap, chunks * CHUNK);

		char *moved;

		if (!object) {
			EQUAL(errno, ENOMEM);
			CHECK(chunks > 2 || (chunks == 2 && !has_large_blocks()));
			break;
		}
		check_object(object, chunks * CHUNK, UINT64_MAX);
		EQUAL(pinned_v2p_sg(object, chunks * CHUNK, extents, 8), 1);
		/* realloc may move the object, which stays contiguous. */
		moved = pinned_realloc(object, 5 * CHUNK);
		if (moved) {
			EQUAL(pinned_v2p_sg(moved, 5 * CHUNK, extents, 8), 1);
		} else {
			EQUAL(errno, ENOMEM);
			EQUAL(pinned_v2p_sg(object, chunks * CHUNK, extents, 8), 1);
		}
		FILLED(moved ? moved : object, chunks * CHUNK, chunks * CHUNK);
		pinned_free(moved ? moved : object);
	}
	WORKS(pinned_heap_destroy(heap));
}

static void refusals(void)
{
	struct pinned_heap_options options = { .size = sizeof(options), .limit = 4 * CHUNK };
	struct pinned_heap *heap = pinned_heap_create(&options);
	unsigned long before = used_chunks();

	CHECK(!pinned_heap_malloc(heap, 5 * CHUNK));
	EQUAL(errno, ENOMEM);
	EQUAL(used_chunks(), before);
	WORKS(pinned_heap_destroy(heap));
	options = (struct pinned_heap_options){ .size = sizeof(options), .max_phys = CHUNK };
	heap = pinned_heap_create(&options);
	CHECK(!pinned_heap_malloc(heap, 4 * CHUNK));
	EQUAL(errno, ENOMEM);
	EQUAL(used_chunks(), before);
	WORKS(pinned_heap_destroy(heap));
}

/* Makes more heaps, one after the other, than the arena has regions. */
static void many(void)
{
	unsigned long before = used_chunks();

	for (int i = 0; i < 1100; i++) {
		struct pinned_heap *heap = make_heap((struct pinned_heap_options){ 0 });
		char *object = pinned_heap_malloc(heap, 100);

		CHECK(object);
		CHECK(pinned_v2p(object) != PINNED_NO_PHYS);
		WORKS(pinned_heap_destroy(heap));
	}
	EQUAL(used_chunks(), before);
}

int main(void)
{
	static const char *const names[] = { "coherent", "uncached", "write-combine", "cached" };

	CHECK(!strcmp(pinned_backend(), "device"));
	for (uint32_t type = 0; type < 4; type++)
		of_type(type, names[type]);
	below_a_ceiling();
	on_a_node(0);
	if (!access("/sys/devices/system/node/node1", F_OK)) {
		on_a_node(1);
		where_the_thread_runs(1);
	}
	where_the_thread_runs(0);
	contiguous();
	refusals();
	many();
	return 0;
}
