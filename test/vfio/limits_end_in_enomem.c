// SPDX-License-Identifier: MIT
/*
 * Protects programs that reach VFIO's limits: RLIMIT_MEMLOCK, and the number of mappings that a
 * container may have. Beyond a limit, attaching is refused and leaves nothing mapped; after
 * attaching, an allocation that needs another chunk fails and frees the chunk, the device still
 * reaches all earlier memory, and freed memory can be allocated again.
 */
#include "user.h"

#include <sys/resource.h>

#define ENTRIES_FILE "/sys/module/vfio_iommu_type1/parameters/dma_entry_limit"
#define CHUNKS 16UL

static void lock_at_most(size_t bytes)
{
	const struct rlimit limit = { bytes, LOCKED_MAX };

	WORKS(setrlimit(RLIMIT_MEMLOCK, &limit));
}

static unsigned long chunks_held(void)
{
	struct pinned_stats stats = { .size = sizeof(stats) };

	WORKS(pinned_stats(&stats));
	return stats.chunk_bytes / CHUNK;
}

static void come_to_the_limit(struct edu *edu, struct pinned_device *device)
{
	char *objects[CHUNKS + 1], *result = pinned_malloc(EDU_TRANSFER_MAX);
	size_t count = 0;

	while (count <= CHUNKS && (objects[count] = pinned_malloc(CHUNK)))
		count++;
	EQUAL(errno, ENOMEM);
	CHECK(count >= CHUNKS / 2 && count < CHUNKS);
	EQUAL(used_chunks(), chunks_held());
	fill(objects[count - 1], CHUNK, count);
	through_the_device(edu, device, objects[count - 1] + 5000, result, EDU_TRANSFER_MAX);
	pinned_free(objects[0]);
	objects[0] = pinned_malloc(CHUNK);
	CHECK(objects[0]);
	through_the_device(edu, device, objects[0], result, 4000);
	for (size_t i = 0; i < count; i++)
		pinned_free(objects[i]);
	pinned_free(result);
}

/* The driver counts the chunks that it hands out, and VFIO the pages that it pins. */
static void locked_memory(void *arg)
{
	struct pinned_device *device;
	struct edu *edu;
	char *object;

	(void)arg;
	become_user();
	object = pinned_malloc((CHUNKS - 1) * CHUNK);
	CHECK(object);
	edu = edu_open();
	CHECK(edu);
	lock_at_most((CHUNKS - 4) * CHUNK);
	errno = 0;
	CHECK(!pinned_device_attach(edu_container(edu), NULL));
	EQUAL(errno, ENOMEM);
	pinned_free(object);
	pinned_purge();
	lock_at_most((CHUNKS - 1) * CHUNK);
	device = pinned_device_attach(edu_container(edu), NULL);
	CHECK(device);
	come_to_the_limit(edu, device);
	WORKS(pinned_device_detach(device));
	print_result("locked-memory");
}

static void entries(void *arg)
{
	struct pinned_device *device;
	struct edu *edu;
	char *object;

	(void)arg;
	become_user();
	object = pinned_malloc((CHUNKS + 1) * CHUNK);
	CHECK(object);
	edu = edu_open();
	CHECK(edu);
	errno = 0;
	CHECK(!pinned_device_attach(edu_container(edu), NULL));
	EQUAL(errno, ENOSPC);
	pinned_free(object);
	pinned_purge();
	device = pinned_device_attach(edu_container(edu), NULL);
	CHECK(device);
	come_to_the_limit(edu, device);
	errno = 0;
	CHECK(!pinned_device_attach(edu_container(edu), NULL));
	EQUAL(errno, EBUSY);
	WORKS(pinned_device_detach(device));
	edu_close(edu);
	print_result("entries");
}

int main(void)
{
	unsigned long before = read_number(ENTRIES_FILE);
	char text[32];

	give_edu();
	ENDED_WELL(spawn(locked_memory, NULL));
	snprintf(text, sizeof(text), "%lu", CHUNKS);
	WORKS(write_text(ENTRIES_FILE, text));
	ENDED_WELL(spawn(entries, NULL));
	snprintf(text, sizeof(text), "%lu", before);
	WORKS(write_text(ENTRIES_FILE, text));
	return 0;
}
