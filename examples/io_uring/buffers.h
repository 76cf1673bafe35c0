/* SPDX-License-Identifier: MIT */
/*
 * A ring's registered buffers, without registering a buffer: each chunk of pinned memory is a
 * registered buffer, and buffers_index() returns the index of any pointer. Needs Linux 5.19 for
 * ordinary memory, and 6.5 for the driver's.
 */
#ifndef BUFFERS_H
#define BUFFERS_H

#include <pinned.h>
#include <pthread.h>

/* How many chunks can be registered at once: 8 GiB, and a quarter of what the kernel allows. */
#define BUFFERS_MAX 4096

/**
 * struct buffers - the registered buffers of a ring
 * @ring: descriptor of the ring
 * @registrar: calls the functions that register chunks
 * @lock: covers @free and @free_count
 * @free: the indices that are free, as a stack
 * @free_count: how many
 * @added: how many chunks were registered so far
 * @removed: how many of them were withdrawn
 */
struct buffers {
	int ring;
	struct pinned_registrar *registrar;
	pthread_mutex_t lock;
	uint16_t free[BUFFERS_MAX];
	size_t free_count;
	size_t added;
	size_t removed;
};

/* Returns 0, or -1 with errno set, also if the kernel has no table with empty entries. */
int buffers_begin(struct buffers *buffers, int ring);
/* Withdraws all chunks. No other thread may use @buffers. */
void buffers_end(struct buffers *buffers);

/*
 * Stores the index of @ptr. Return: how many bytes from @ptr on have this index; -1 with errno set
 * if the memory is not pinned or cannot be registered.
 */
static inline long buffers_index(struct buffers *buffers, const void *ptr, uint64_t *index)
{
	return pinned_key(buffers->registrar, ptr, index);
}

#endif /* BUFFERS_H */
