/* SPDX-License-Identifier: MIT */
/*
 * Buffers of pinned memory with the attributes that u-dma-buf's buffers have in sysfs. All functions
 * are safe in threads.
 */
#ifndef BUFFERS_H
#define BUFFERS_H

#include <stddef.h>

struct buffer;

/* Reads the environment variable UDMABUF, as in "udmabuf0=1048576 udmabuf1=65536". */
void buffers_begin(void);

/*
 * Returns the buffer whose name is the beginning of @name up to its end or a slash, and its memory
 * is allocated by then; NULL with errno ENOENT if there is none, or ENOMEM.
 */
struct buffer *buffer_find(const char *name);

/*
 * Returns the address of the bytes of a buffer from @offset on, which the buffer keeps until the
 * program ends; NULL if they are not in the buffer.
 */
void *buffer_memory(const struct buffer *buffer, size_t offset, size_t size);

/* Returns whether an address is that of memory of any buffer. */
int buffer_contains(const void *addr);

/* Writes an attribute's text. Returns its length, or -1 with errno ENOENT. */
int buffer_show(const struct buffer *buffer, const char *attribute, char *text, size_t size);

/* Sets an attribute, or synchronizes. Returns 0, or -1 with errno EINVAL or EACCES (read-only). */
int buffer_store(struct buffer *buffer, const char *attribute, unsigned long long value);

#endif /* BUFFERS_H */
