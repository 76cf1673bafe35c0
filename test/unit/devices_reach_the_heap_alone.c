// SPDX-License-Identifier: MIT
/*
 * Protects drivers of devices behind an IOMMU: the device reaches all memory of the process
 * that can hold objects, and nothing else, and pinned_dma_addr() returns no address that the
 * device cannot reach. The IOMMU is the fake one of iommu.h, and each request to it may fail.
 * Wraps: pn_sys_ioctl pn_sys_map pn_sys_unmap
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "front/heaps.h"
#include "iommu.h"

#define THREADS 4
#define OPERATIONS 3000

/* Checks. */

/* Returns the memory that a device reaches at @address. */
static char *at_address(const struct container *container, uint64_t address)
{
	for (size_t i = 0; i < container->count; i++)
		if (address - container->mappings[i].address < container->mappings[i].size)
			return container->mappings[i].memory +
			       (address - container->mappings[i].address);
	return NULL;
}

static void check_reached(const struct container *container, const char *object, size_t size)
{
	struct pinned_extent extent;

	for (size_t at = 0; at < size; at += size / 7 + 1) {
		uint64_t address = pinned_dma_addr(container->device, object + at);

		ck_assert_uint_ne(address, PINNED_NO_DMA);
		ck_assert_ptr_eq(at_address(container, address), object + at);
	}
	ck_assert_int_eq(pinned_dma_sg(container->device, object, size, &extent, 1), 1);
	ck_assert_uint_eq(extent.phys, pinned_dma_addr(container->device, object));
	ck_assert_uint_eq(extent.len, size);
	ck_assert_int_eq(pinned_dma_sg(container->device, object, size, NULL, 0), 1);
}

static uint64_t chunk_count(void)
{
	struct pinned_stats stats = { .size = sizeof(stats) };

	ck_assert_int_eq(pinned_stats(&stats), 0);
	return stats.chunk_bytes / PN_CHUNK_SIZE;
}

static struct container *attach(size_t i, const struct pinned_device_options *options)
{
	struct container *container = open_container(i);

	container->device = pinned_device_attach(container->fd, options);
	ck_assert_ptr_nonnull(container->device);
	ck_assert_uint_eq(container->count, chunk_count());
	return container;
}

static void detach(struct container *container)
{
	ck_assert_int_eq(pinned_device_detach(container->device), 0);
	ck_assert_uint_eq(container->count, 0);
}

static void refused(int fd, const struct pinned_device_options *options, int error)
{
	errno = 0;
	ck_assert_ptr_null(pinned_device_attach(fd, options));
	ck_assert_int_eq(errno, error);
}

START_TEST(what_is_there_is_mapped_and_unmapped)
{
	char *small = pinned_malloc(100), *large = pinned_malloc(3 * PN_CHUNK_SIZE + 5);
	struct container *container = attach(0, NULL);
	struct pinned_extent extent;
	int local;

	check_reached(container, small, 100);
	check_reached(container, large, 3 * PN_CHUNK_SIZE + 5);
	ck_assert_uint_eq(pinned_dma_addr(container->device, &local), PINNED_NO_DMA);
	ck_assert_uint_eq(pinned_dma_addr(container->device, NULL), PINNED_NO_DMA);
	ck_assert_uint_eq(pinned_dma_addr(container->device, large + 100 * PN_CHUNK_SIZE),
			  PINNED_NO_DMA);
	ck_assert_int_eq(pinned_dma_sg(container->device, large, 0, &extent, 1), 0);
	ck_assert_int_eq(pinned_dma_sg(container->device, &local, 1, &extent, 1), -1);
	ck_assert_int_eq(errno, EFAULT);
	ck_assert_int_eq(pinned_dma_sg(container->device, large, SIZE_MAX, &extent, 1), -1);
	ck_assert_int_eq(pinned_dma_sg(container->device, large, 9 * PN_CHUNK_SIZE, &extent, 1),
			 -1);
	detach(container);
	ck_assert_uint_eq(pinned_dma_addr(container->device, small), PINNED_NO_DMA);
	ck_assert_int_eq(pinned_device_detach(container->device), -1);
	ck_assert_int_eq(errno, EINVAL);
	ck_assert_int_eq(pinned_device_detach(NULL), 0);
	container->device = pinned_device_attach(container->fd, NULL);
	check_reached(container, small, 100);
	detach(container);
}
END_TEST

START_TEST(chunks_come_and_go)
{
	struct container *a = attach(0, NULL), *b = attach(1, NULL);
	char *large, *raw;

	large = pinned_malloc(100 * PN_CHUNK_SIZE);
	raw = pinned_chunks_alloc(NULL, 4, PN_CHUNK_SIZE, 0, NULL, NULL);
	check_reached(a, large, 100 * PN_CHUNK_SIZE);
	check_reached(b, large, 100 * PN_CHUNK_SIZE);
	check_reached(b, raw, 4 * PN_CHUNK_SIZE);
	large = pinned_realloc(large, 30 * PN_CHUNK_SIZE);
	ck_assert_ptr_nonnull(large);
	ck_assert_int_eq(pinned_chunks_free(raw + PN_CHUNK_SIZE, 2), 0);
	pinned_purge();
	ck_assert_uint_eq(a->count, chunk_count());
	check_reached(a, large, 30 * PN_CHUNK_SIZE);
	ck_assert_uint_eq(pinned_dma_addr(a->device, raw + PN_CHUNK_SIZE), PINNED_NO_DMA);
	check_reached(a, raw + 3 * PN_CHUNK_SIZE, PN_CHUNK_SIZE);
	pinned_free(large);
	detach(a);
	pinned_purge();
	ck_assert_uint_eq(b->count, chunk_count());
	ck_assert_uint_eq(pinned_dma_addr(b->device, large), PINNED_NO_DMA);
	detach(b);
}
END_TEST

START_TEST(other_heaps_and_retained_objects)
{
	struct container *container = attach(0, NULL);
	struct pinned_heap *heap = pinned_heap_create(NULL);
	char *object = pinned_heap_malloc(heap, 3 * PN_CHUNK_SIZE),
	     *small = pinned_heap_malloc(heap, 99);

	check_reached(container, object, 3 * PN_CHUNK_SIZE);
	check_reached(container, small, 99);
	ck_assert_int_eq(pinned_retain(object), 0);
	pinned_free(object);
	pinned_purge();
	check_reached(container, object, 3 * PN_CHUNK_SIZE);
	ck_assert_int_eq(pinned_release(object), 0);
	pinned_purge();
	ck_assert_uint_eq(pinned_dma_addr(container->device, object), PINNED_NO_DMA);
	ck_assert_int_eq(pinned_heap_destroy(heap), 0);
	ck_assert_uint_eq(pinned_dma_addr(container->device, small), PINNED_NO_DMA);
	ck_assert_uint_eq(container->count, chunk_count());
	detach(container);
}
END_TEST

START_TEST(refusals_change_nothing)
{
	struct pinned_device_options options = { .size = sizeof(options) - 1 };
	char *object = pinned_malloc(5 * PN_CHUNK_SIZE);
	struct container *container = open_container(0);
	int pipes[2];

	ck_assert_int_eq(pipe(pipes), 0);
	refused(-1, NULL, EBADF);
	refused(pipes[0], NULL, ENOTTY);
	refused(container->fd, &options, EINVAL);
	options = (struct pinned_device_options){ sizeof(options), 2, 1 };
	refused(container->fd, &options, EINVAL);
	container->has_no_iommu = true;
	refused(container->fd, NULL, EINVAL);
	container->has_no_iommu = false;
	/* With the first limit no chunk fits below it; with the second, not all of them do. */
	options.max_addr = 2 * PN_CHUNK_SIZE - 2;
	refused(container->fd, &options, ENOSPC);
	options.max_addr = 5 * PN_CHUNK_SIZE - 1;
	refused(container->fd, &options, ENOSPC);
	container->limit = 4;
	refused(container->fd, NULL, ENOSPC);
	ck_assert_uint_eq(container->count, 0);
	container->limit = MAPPINGS;
	container->device = pinned_device_attach(container->fd, NULL);
	refused(container->fd, NULL, EBUSY);
	check_reached(container, object, 5 * PN_CHUNK_SIZE);
	detach(container);
}
END_TEST

START_TEST(addresses_are_inside_what_was_asked_for)
{
	struct pinned_device_options options = { sizeof(options), 0, 0 };
	char *object = pinned_malloc(100);
	struct container *container = attach(0, NULL);

	ck_assert_uint_gt(pinned_dma_addr(container->device, object), HOLE_LAST);
	detach(container);
	options.max_addr = UINT32_MAX;
	container->device = pinned_device_attach(container->fd, &options);
	ck_assert_uint_ge(pinned_dma_addr(container->device, object), PN_CHUNK_SIZE);
	ck_assert_uint_lt(pinned_dma_addr(container->device, object), HOLE_FIRST);
	detach(container);
	options = (struct pinned_device_options){ sizeof(options), 0x12345678, 0 };
	container->has_no_ranges = true;
	container->device = pinned_device_attach(container->fd, &options);
	ck_assert_uint_ge(pinned_dma_addr(container->device, object), 0x12345678);
	detach(container);
}
END_TEST

START_TEST(a_narrow_device_ends_allocations)
{
	/* 28 address bits, like QEMU's edu device: room for 127 chunks. */
	const struct pinned_device_options options = { sizeof(options), 0, (1 << 28) - 1 };
	struct container *container = attach(0, &options);
	char *objects[128];
	size_t count = 0;

	while (count < 128 && (objects[count] = pinned_malloc(2 * PN_CHUNK_SIZE)))
		check_reached(container, objects[count++], 2 * PN_CHUNK_SIZE);
	ck_assert_int_eq(errno, ENOMEM);
	ck_assert_uint_eq(count, 63);
	ck_assert_uint_le(container->count, 127);
	ck_assert_uint_eq(container->count, chunk_count());
	pinned_free(objects[7]);
	ck_assert_ptr_nonnull(objects[7] = pinned_malloc(2 * PN_CHUNK_SIZE));
	check_reached(container, objects[7], 2 * PN_CHUNK_SIZE);
	detach(container);
	ck_assert_ptr_nonnull(pinned_malloc(2 * PN_CHUNK_SIZE));
}
END_TEST

START_TEST(each_request_of_attach_fails_in_turn)
{
	char *object = pinned_malloc(6 * PN_CHUNK_SIZE);
	struct container *container = open_container(0);
	bool is_attached = false;
	unsigned long at;

	for (at = 1; !is_attached; at++) {
		calls = 0;
		fail_at = at;
		container->device = pinned_device_attach(container->fd, NULL);
		is_attached = container->device;
		if (!is_attached)
			ck_assert_uint_eq(container->count, 0);
	}
	ck_assert_uint_gt(at, 6);
	fail_at = 0;
	check_reached(container, object, 6 * PN_CHUNK_SIZE);
	detach(container);
}
END_TEST

START_TEST(each_request_for_a_chunk_fails_in_turn)
{
	struct container *a = attach(0, NULL), *b = attach(1, NULL);
	size_t refusals = 0;

	for (unsigned long at = 1; at < 40; at++) {
		char *object;

		pinned_purge();
		calls = 0;
		fail_at = at;
		object = pinned_malloc(6 * PN_CHUNK_SIZE);
		fail_at = 0;
		refusals += !object;
		if (object) {
			check_reached(a, object, 6 * PN_CHUNK_SIZE);
			check_reached(b, object, 6 * PN_CHUNK_SIZE);
			pinned_free(object);
		}
		ck_assert_uint_eq(a->count, chunk_count());
		ck_assert_uint_eq(b->count, chunk_count());
	}
	/* One for each chunk and device. Failures of the other requests must not fail malloc. */
	ck_assert_uint_eq(refusals, 12);
	pinned_purge();
	a->limit = a->count;
	ck_assert_ptr_null(pinned_malloc(6 * PN_CHUNK_SIZE));
	ck_assert_int_eq(errno, ENOMEM);
	ck_assert_uint_eq(b->count, chunk_count());
	detach(a);
	detach(b);
}
END_TEST

static int refuse(struct pn_pool *pool, size_t slot, size_t count)
{
	(void)pool;
	(void)slot;
	(void)count;
	return EIO;
}

/*
 * Chunks that the backend cannot give back stay mapped for devices. A device for which that mapping
 * fails loses access to all memory, so that it never reaches only a part.
 */
START_TEST(chunks_that_the_backend_keeps)
{
	struct pn_backend keeping = pn_backend_anon;
	struct pinned_heap *heap = pinned_heap_create(NULL);
	char *object = pinned_heap_malloc(heap, 3 * PN_CHUNK_SIZE);
	struct container *a = attach(0, NULL), *b = attach(1, NULL);

	keeping.punch = refuse;
	pn_heaps_of(heap)->pool.backend = &keeping;
	b->limit = b->count - 1;
	pinned_free(object);
	pinned_purge();
	check_reached(a, object, 3 * PN_CHUNK_SIZE);
	ck_assert_uint_eq(a->count, chunk_count());
	ck_assert_uint_eq(b->count, 0);
	ck_assert_int_eq(pinned_device_detach(b->device), -1);
	ck_assert_int_eq(errno, ENODEV);
	ck_assert_int_eq(pinned_heap_destroy(heap), 0);
	ck_assert_uint_eq(pinned_dma_addr(a->device, object), PINNED_NO_DMA);
	ck_assert_uint_eq(a->count, chunk_count());
	detach(a);
}
END_TEST

/*
 * If a container refuses to unmap memory, the library stops using that container, and other devices
 * and allocations go on.
 */
START_TEST(a_lost_container_is_left_alone)
{
	char *object = pinned_malloc(2 * PN_CHUNK_SIZE), *other;
	struct container *a = attach(0, NULL), *b = attach(1, NULL);

	a->has_no_iommu = true;
	a->count = 0;
	other = pinned_malloc(2 * PN_CHUNK_SIZE);
	ck_assert_ptr_nonnull(other);
	ck_assert_uint_eq(pinned_dma_addr(a->device, object), PINNED_NO_DMA);
	check_reached(b, other, 2 * PN_CHUNK_SIZE);
	ck_assert_int_eq(pinned_device_detach(a->device), -1);
	ck_assert_int_eq(errno, ENODEV);
	/* A daemon may close all descriptors that it does not know, including the library's. */
	ck_assert_int_eq(syscall(__NR_close_range, 1000, ~0U, 0), 0);
	pinned_free(other);
	b->count = 0;
	pinned_purge();
	ck_assert_uint_eq(pinned_dma_addr(b->device, object), PINNED_NO_DMA);
	ck_assert_int_eq(pinned_device_detach(b->device), -1);
	ck_assert_int_eq(errno, ENODEV);
	pinned_free(object);
	ck_assert_ptr_nonnull(pinned_malloc(4 * PN_CHUNK_SIZE));
}
END_TEST

START_TEST(a_child_has_no_device)
{
	char *object = pinned_malloc(2 * PN_CHUNK_SIZE);
	struct container *container = attach(0, NULL);
	size_t count = container->count;
	int status;
	pid_t pid = fork();

	if (!pid) {
		ck_assert_uint_eq(pinned_dma_addr(container->device, object), PINNED_NO_DMA);
		calls = 0;
		/* The child's copy of the fake's table lists mappings of the parent's memory. */
		container->count = 0;
		ck_assert_ptr_nonnull(pinned_malloc(2 * PN_CHUNK_SIZE));
		pinned_free(object);
		pinned_purge();
		ck_assert_int_eq(pinned_device_detach(container->device), 0);
		ck_assert_uint_eq(calls, 0);
		object = pinned_malloc(100);
		container = attach(1, NULL);
		check_reached(container, object, 100);
		detach(container);
		_exit(0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	ck_assert_uint_eq(container->count, count);
	check_reached(container, object, 2 * PN_CHUNK_SIZE);
	detach(container);
}
END_TEST

/* Threads. */

static void *use(void *argument)
{
	unsigned int seed = (unsigned int)(uintptr_t)argument;
	char *objects[16] = { NULL };

	for (size_t i = 0; i < OPERATIONS; i++) {
		char **object = &objects[(unsigned int)rand_r(&seed) % 16];
		size_t size = 1 + (size_t)rand_r(&seed) % ((size_t)1 << (4 + rand_r(&seed) % 19));

		if (*object) {
			ck_assert_uint_ne(pinned_dma_addr(containers[0].device, *object),
					  PINNED_NO_DMA);
			pinned_free(*object);
		}
		*object = pinned_malloc(size);
		ck_assert_int_eq(pinned_dma_sg(containers[0].device, *object, size, NULL, 0), 1);
		if (!(i % 64))
			pinned_purge();
	}
	for (size_t i = 0; i < 16; i++)
		pinned_free(objects[i]);
	return NULL;
}

START_TEST(threads_never_get_a_stale_answer)
{
	struct container *container = attach(0, NULL), *other = open_container(1);
	unsigned int seed = test_seed();
	pthread_t threads[THREADS];

	for (size_t i = 0; i < THREADS; i++)
		ck_assert_int_eq(
			pthread_create(&threads[i], NULL, use, (void *)(uintptr_t)(seed + i)), 0);
	/* Meanwhile this thread attaches and detaches another device, which no thread uses. */
	for (size_t i = 0; i < 20; i++) {
		struct pinned_device *device = pinned_device_attach(other->fd, NULL);

		ck_assert_ptr_nonnull(device);
		ck_assert_int_eq(pinned_device_detach(device), 0);
	}
	for (size_t i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	pinned_purge();
	ck_assert_uint_eq(container->count, chunk_count());
	detach(container);
}
END_TEST

static void add(TCase *tcase)
{
	tcase_add_test(tcase, what_is_there_is_mapped_and_unmapped);
	tcase_add_test(tcase, chunks_come_and_go);
	tcase_add_test(tcase, other_heaps_and_retained_objects);
	tcase_add_test(tcase, refusals_change_nothing);
	tcase_add_test(tcase, addresses_are_inside_what_was_asked_for);
	tcase_add_test(tcase, a_narrow_device_ends_allocations);
	tcase_add_test(tcase, each_request_of_attach_fails_in_turn);
	tcase_add_test(tcase, each_request_for_a_chunk_fails_in_turn);
	tcase_add_test(tcase, chunks_that_the_backend_keeps);
	tcase_add_test(tcase, a_lost_container_is_left_alone);
	tcase_add_test(tcase, a_child_has_no_device);
	tcase_add_test(tcase, threads_never_get_a_stale_answer);
}

int main(void)
{
	for (size_t i = 0; i < CONTAINERS; i++)
		containers[i].fd = -1;
	return run_suite("devices_reach_the_heap_alone", add);
}
