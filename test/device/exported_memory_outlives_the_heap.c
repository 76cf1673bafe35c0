// SPDX-License-Identifier: MIT
/*
 * Protects programs that share pinned memory by dma-buf or use raw chunks: a dma-buf shows the
 * object's own memory and keeps the memory after the heap is gone, extents are correct, and
 * requests without the driver's descriptor are refused (Faults A2, B10).
 */
#include "guest.h"
#include "pinned.h"

#include <sys/syscall.h>

static char *map_buf(int buf)
{
	off_t size = lseek(buf, 0, SEEK_END);
	char *at = mmap(NULL, (size_t)size, RW, MAP_SHARED, buf, 0);

	CHECK(at != MAP_FAILED);
	return at;
}

static void of_object(size_t size)
{
	unsigned long before = used_chunks();
	struct pinned_heap *heap = pinned_heap_create(NULL);
	char *object = pinned_heap_malloc(heap, size), *seen;
	size_t offset = 0;
	int buf;

	fill(object, size, 1);
	buf = (int)WORKS(pinned_export(object, size, &offset));
	EQUAL(fcntl(buf, F_GETFD), FD_CLOEXEC);
	seen = map_buf(buf);
	FILLED(seen + offset, size, 1);
	fill(seen + offset, size, 2);
	FILLED(object, size, 2);
	for (size_t at = 0; at < size; at += PAGE)
		EQUAL(phys_of(seen + offset + at), pinned_v2p(object + at));
	WORKS(pinned_heap_destroy(heap));
	FILLED(seen + offset, size, 2);
	CHECK(used_chunks() > before);
	WORKS(munmap(seen, (size_t)lseek(buf, 0, SEEK_END)));
	close(buf);
	COMES_TO_USE(before);
}

static void raw(void)
{
	struct pinned_heap *heap = pinned_heap_create(NULL);
	struct pinned_extent extents[16];
	size_t count = 16, at = 0;
	char *run = pinned_chunks_alloc(heap, 16, CHUNK, PINNED_CHUNKS_ZEROED, extents, &count);

	CHECK(run);
	CHECK(count >= 1 && count <= 16);
	ZEROED(run, 16 * CHUNK);
	for (size_t i = 0; i < count; at += extents[i++].len)
		for (size_t k = 0; k < extents[i].len; k += PAGE)
			EQUAL(phys_of(run + at + k), extents[i].phys + k);
	EQUAL(at, 16 * CHUNK);
	WORKS(pinned_chunks_free(run + 3 * CHUNK, 2));
	pinned_purge();
	EQUAL(pinned_v2p(run + 4 * CHUNK), PINNED_NO_PHYS);
	EQUAL(pinned_v2p(run + 5 * CHUNK), phys_of(run + 5 * CHUNK));
	CHECK(pinned_p2v(pinned_v2p(run + 5 * CHUNK + 9)) == run + 5 * CHUNK + 9);
	count = 16;
	run = pinned_chunks_alloc(heap, 4, 4 * CHUNK, PINNED_CHUNKS_CONTIGUOUS, extents, &count);
	CHECK(run);
	EQUAL(count, 1);
	EQUAL(extents[0].len, 4 * CHUNK);
	WORKS(pinned_heap_destroy(heap));
}

static void child_of(void *arg)
{
	size_t offset;

	REFUSED(pinned_export(arg, 5000, &offset), EFAULT);
	REFUSED(pinned_sync_for_cpu(arg, 5000, PINNED_DEVICE_READS), EFAULT);
	arg = pinned_malloc(5000);
	close((int)WORKS(pinned_export(arg, 5000, NULL)));
}

static void without_descriptor(void)
{
	struct pinned_heap_options options = { .size = sizeof(options),
					       .memory_type = PINNED_MEMORY_CACHED };
	struct pinned_heap *heap = pinned_heap_create(&options);
	char *object = pinned_heap_malloc(heap, 5000), *other;

	fill(object, 5000, 7);
	WORKS(pinned_sync_for_device(object, 5000, PINNED_DEVICE_READS));
	for (int fd = 3; fd < 2000; fd++)
		close(fd);
	REFUSED(pinned_sync_for_device(object, 5000, PINNED_DEVICE_READS), ENODEV);
	REFUSED(pinned_export(object, 5000, NULL), ENODEV);
	/* The heap works again with a new pool. */
	other = pinned_heap_malloc(heap, 3 * CHUNK);
	CHECK(other);
	WORKS(pinned_sync_for_device(other, 3 * CHUNK, PINNED_DEVICE_READS));
	REFUSED(pinned_sync_for_device(object, 5000, PINNED_DEVICE_READS), ENODEV);
	FILLED(object, 5000, 7);
	EQUAL(pinned_v2p(object), phys_of(object));
	WORKS(pinned_heap_destroy(heap));
	EQUAL(pinned_v2p(object), PINNED_NO_PHYS);
}

int main(void)
{
	char *object = pinned_malloc(5000);

	CHECK(object);
	if (pinned_export(object, 5000, NULL) < 0 && errno == EOPNOTSUPP)
		test_skip("this kernel has no dma-buf");
	pinned_free(object);
	of_object(100);
	of_object(5000000);
	raw();
	object = pinned_malloc(5000);
	ENDED_WELL(spawn(child_of, object));
	without_descriptor();
	return 0;
}
