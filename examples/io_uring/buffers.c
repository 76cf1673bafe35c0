// SPDX-License-Identifier: MIT
/* Registers chunks with a ring; see buffers.h. */
#include "buffers.h"

#include <errno.h>
#include <linux/io_uring.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

/* Fills one entry of the kernel's table, or empties it if @len is 0. Return: 0 or an errno. */
static int update(const struct buffers *buffers, unsigned int index, void *addr, size_t len)
{
	struct iovec piece = { addr, len };
	__u64 tag = 0;
	struct io_uring_rsrc_update2 update = {
		.offset = index,
		.data = (uintptr_t)&piece,
		.tags = (uintptr_t)&tag,
		.nr = 1,
	};

	return syscall(__NR_io_uring_register, buffers->ring, IORING_REGISTER_BUFFERS_UPDATE,
		       &update, sizeof(update)) < 0
		       ? errno
		       : 0;
}

static void give_index(struct buffers *buffers, uint64_t index)
{
	pthread_mutex_lock(&buffers->lock);
	buffers->free[buffers->free_count++] = (uint16_t)index;
	pthread_mutex_unlock(&buffers->lock);
}

/* Called by pinned_key() for a chunk that has no index. */
static int add(void *ctx, void *addr, size_t len, uint64_t *key)
{
	struct buffers *buffers = ctx;
	int err = ENOSPC;

	pthread_mutex_lock(&buffers->lock);
	if (buffers->free_count) {
		*key = buffers->free[--buffers->free_count];
		err = 0;
	}
	pthread_mutex_unlock(&buffers->lock);
	if (err)
		return err;
	err = update(buffers, (unsigned int)*key, addr, len);
	if (err)
		give_index(buffers, *key);
	else
		__atomic_fetch_add(&buffers->added, 1, __ATOMIC_RELAXED);
	return err;
}

/*
 * Called before a chunk is given back. If requests still use the entry, the kernel keeps the pages
 * until these requests have ended.
 */
static void withdraw(void *ctx, void *addr, size_t len, uint64_t key)
{
	struct buffers *buffers = ctx;

	(void)addr;
	(void)len;
	update(buffers, (unsigned int)key, NULL, 0);
	give_index(buffers, key);
	__atomic_fetch_add(&buffers->removed, 1, __ATOMIC_RELAXED);
}

int buffers_begin(struct buffers *buffers, int ring)
{
	struct io_uring_rsrc_register table = {
		.nr = BUFFERS_MAX,
		.flags = IORING_RSRC_REGISTER_SPARSE,
	};

	*buffers = (struct buffers){ .ring = ring };
	pthread_mutex_init(&buffers->lock, NULL);
	for (size_t i = 0; i < BUFFERS_MAX; i++)
		give_index(buffers, BUFFERS_MAX - 1 - i);
	if (syscall(__NR_io_uring_register, ring, IORING_REGISTER_BUFFERS2, &table, sizeof(table)) <
	    0)
		return -1;
	buffers->registrar = pinned_watch(add, withdraw, buffers);
	return buffers->registrar ? 0 : -1;
}

void buffers_end(struct buffers *buffers)
{
	pinned_unwatch(buffers->registrar);
	pthread_mutex_destroy(&buffers->lock);
}
