// SPDX-License-Identifier: MIT
/* The buffers; see buffers.h. Their table is filled once, before the program begins. */
#include "buffers.h"

#include <errno.h>
#include <pinned.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BUFFERS_MAX 16

/**
 * struct buffer - one buffer
 * @name: its name, as of a device file
 * @size: how many bytes it has
 * @memory: its memory, or NULL before it is first used
 * @sync_offset: where the range begins that the next synchronization is for
 * @sync_size: how many bytes the range has
 * @sync_direction: 0 both, 1 the device reads, 2 the device writes
 */
struct buffer {
	char name[32];
	size_t size;
	char *memory;
	unsigned long long sync_offset, sync_size, sync_direction;
};

static struct buffer buffers[BUFFERS_MAX];
static size_t buffer_count;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

void buffers_begin(void)
{
	const char *text = getenv("UDMABUF");
	int read = 0;

	while (text && buffer_count < BUFFERS_MAX) {
		struct buffer *buffer = &buffers[buffer_count];

		if (sscanf(text, " %31[^= ]=%zi%n", buffer->name, (ssize_t *)&buffer->size,
			   &read) != 2 ||
		    !buffer->size)
			break;
		buffer->sync_size = buffer->size;
		buffer_count++;
		text += read;
	}
}

/* Gives a buffer its memory, which is one extent. */
static int fill(struct buffer *buffer)
{
	const struct pinned_heap_options options = {
		.size = sizeof(options),
		.flags = PINNED_HEAP_CONTIGUOUS,
	};
	struct pinned_heap *heap;

	if (buffer->memory)
		return 0;
	heap = pinned_heap_create(&options);
	if (heap)
		buffer->memory = pinned_heap_calloc(heap, 1, buffer->size);
	return buffer->memory ? 0 : -1;
}

struct buffer *buffer_find(const char *name)
{
	size_t length = strcspn(name, "/");
	struct buffer *found = NULL;

	for (size_t i = 0; i < buffer_count && !found; i++)
		if (strlen(buffers[i].name) == length && !memcmp(buffers[i].name, name, length))
			found = &buffers[i];
	if (!found) {
		errno = ENOENT;
		return NULL;
	}
	pthread_mutex_lock(&mutex);
	if (fill(found))
		found = NULL;
	pthread_mutex_unlock(&mutex);
	return found;
}

void *buffer_memory(const struct buffer *buffer, size_t offset, size_t size)
{
	if (offset > buffer->size || size > buffer->size - offset)
		return NULL;
	return buffer->memory + offset;
}

int buffer_contains(const void *addr)
{
	for (size_t i = 0; i < buffer_count; i++) {
		const char *memory = __atomic_load_n(&buffers[i].memory, __ATOMIC_ACQUIRE);

		if (memory && (const char *)addr >= memory &&
		    (const char *)addr < memory + buffers[i].size)
			return 1;
	}
	return 0;
}

/* Attributes. */

static unsigned long long *setting(struct buffer *buffer, const char *attribute)
{
	if (!strcmp(attribute, "sync_offset"))
		return &buffer->sync_offset;
	if (!strcmp(attribute, "sync_size"))
		return &buffer->sync_size;
	return strcmp(attribute, "sync_direction") ? NULL : &buffer->sync_direction;
}

int buffer_show(const struct buffer *buffer, const char *attribute, char *text, size_t size)
{
	const unsigned long long *value = setting((struct buffer *)buffer, attribute);

	if (!strcmp(attribute, "size"))
		return snprintf(text, size, "%zu\n", buffer->size);
	if (!strcmp(attribute, "phys_addr"))
		return snprintf(text, size, "0x%016llx\n",
				(unsigned long long)pinned_v2p(buffer->memory));
	if (value)
		return snprintf(text, size, "%llu\n", *value);
	/* The CPU owns the buffer between all calls, and the memory is cached. */
	if (!strcmp(attribute, "sync_for_cpu") || !strcmp(attribute, "sync_for_device") ||
	    !strcmp(attribute, "sync_owner") || !strcmp(attribute, "sync_mode"))
		return snprintf(text, size, "0\n");
	errno = ENOENT;
	return -1;
}

/*
 * A value of more than 32 bits, or of more than the lowest bit, contains a range and a direction as
 * well, as u-dma-buf defines: offset, size without its lowest four bits, direction, and whether to
 * synchronize.
 */
static int synchronize(struct buffer *buffer, unsigned long long value,
		       int (*sync)(const void *, size_t, unsigned int))
{
	static const unsigned int directions[] = { PINNED_DEVICE_READS | PINNED_DEVICE_WRITES,
						   PINNED_DEVICE_READS, PINNED_DEVICE_WRITES };
	unsigned long long offset = buffer->sync_offset, size = buffer->sync_size,
			   direction = buffer->sync_direction;
	void *memory;

	if (value > 1) {
		offset = value >> 32;
		size = value & 0xfffffff0;
		direction = value >> 2 & 3;
	}
	memory = buffer_memory(buffer, offset, size);
	if (!memory || direction > 2) {
		errno = EINVAL;
		return -1;
	}
	return value & 1 && size ? sync(memory, size, directions[direction]) : 0;
}

int buffer_store(struct buffer *buffer, const char *attribute, unsigned long long value)
{
	unsigned long long *wanted = setting(buffer, attribute);
	int result;

	pthread_mutex_lock(&mutex);
	if (wanted) {
		*wanted = value;
		result = 0;
	} else if (!strcmp(attribute, "sync_for_cpu")) {
		result = synchronize(buffer, value, pinned_sync_for_cpu);
	} else if (!strcmp(attribute, "sync_for_device")) {
		result = synchronize(buffer, value, pinned_sync_for_device);
	} else {
		errno = EACCES;
		result = -1;
	}
	pthread_mutex_unlock(&mutex);
	return result;
}
