// SPDX-License-Identifier: MIT
/*
 * Serves programs that are written for u-dma-buf, without its module. Preloaded into a program, the
 * interposer answers for /dev/NAME and for the attributes in /sys/class/u-dma-buf/NAME, for each
 * NAME in the environment variable UDMABUF. A device file's descriptor maps pinned memory; an
 * attribute's descriptor is that of a file in memory with the attribute's text.
 *
 * What it does not serve: descriptors from dup() and from fopen(), read() and write() of the device
 * file, MAP_FIXED, and other processes, for each of which the memory is its own.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "buffers.h"

#define FILES_MAX 64

/**
 * struct file - a descriptor that the program got from the interposer
 * @fd: the descriptor
 * @buffer: its buffer, or NULL if this element is free
 * @attribute: the attribute's name; empty for the device file
 */
struct file {
	int fd;
	struct buffer *buffer;
	char attribute[24];
};

static struct file files[FILES_MAX];
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static __attribute__((constructor)) void begin(void)
{
	buffers_begin();
}

/* Copies the element of a descriptor, and frees it if so told. Returns whether there is one. */
static int look_up(int fd, struct file *found, int is_closed)
{
	int is_found = 0;

	pthread_mutex_lock(&mutex);
	for (size_t i = 0; i < FILES_MAX && !is_found; i++) {
		if (!files[i].buffer || files[i].fd != fd)
			continue;
		*found = files[i];
		is_found = 1;
		if (is_closed)
			files[i].buffer = NULL;
	}
	pthread_mutex_unlock(&mutex);
	return is_found;
}

static int remember(int fd, struct buffer *buffer, const char *attribute)
{
	int is_done = 0;

	pthread_mutex_lock(&mutex);
	for (size_t i = 0; i < FILES_MAX && !is_done; i++) {
		if (files[i].buffer)
			continue;
		files[i] = (struct file){ .fd = fd, .buffer = buffer };
		snprintf(files[i].attribute, sizeof(files[i].attribute), "%s", attribute);
		is_done = 1;
	}
	pthread_mutex_unlock(&mutex);
	if (is_done)
		return fd;
	syscall(SYS_close, fd);
	errno = EMFILE;
	return -1;
}

static int open_attribute(struct buffer *buffer, const char *attribute, int flags)
{
	char text[40];
	int length = buffer_show(buffer, attribute, text, sizeof(text));
	int fd;

	if (length < 0)
		return -1;
	fd = memfd_create(attribute, flags & O_CLOEXEC ? MFD_CLOEXEC : 0);
	if (fd < 0)
		return -1;
	if (pwrite(fd, text, (size_t)length, 0) != length) {
		syscall(SYS_close, fd);
		return -1;
	}
	return remember(fd, buffer, attribute);
}

/* Returns what follows a folder's name in a path, or NULL if the path is elsewhere. */
static const char *part_in(const char *path, const char *folder)
{
	size_t length = strlen(folder);

	return strncmp(path, folder, length) ? NULL : path + length;
}

static int open_path(int dir, const char *path, int flags, mode_t mode)
{
	const char *device = part_in(path, "/dev/"), *attribute;
	const char *name = part_in(path, "/sys/class/u-dma-buf/");
	struct buffer *buffer;

	if (!name)
		name = part_in(path, "/sys/class/udmabuf/");
	attribute = name ? strchr(name, '/') : NULL;
	if (attribute || (device && !strchr(device, '/'))) {
		buffer = buffer_find(attribute ? name : device);
		if (buffer && attribute)
			return open_attribute(buffer, attribute + 1, flags);
		if (buffer)
			return remember((int)syscall(SYS_openat, AT_FDCWD, "/dev/null", flags, 0),
					buffer, "");
		if (errno != ENOENT)
			return -1;
	}
	return (int)syscall(SYS_openat, dir, path, flags, mode);
}

static mode_t mode_of(int flags, va_list args)
{
	return flags & (O_CREAT | __O_TMPFILE) ? va_arg(args, mode_t) : 0;
}

int open(const char *path, int flags, ...)
{
	va_list args;
	mode_t mode;

	va_start(args, flags);
	mode = mode_of(flags, args);
	va_end(args);
	return open_path(AT_FDCWD, path, flags, mode);
}

int openat(int dir, const char *path, int flags, ...)
{
	va_list args;
	mode_t mode;

	va_start(args, flags);
	mode = mode_of(flags, args);
	va_end(args);
	return open_path(dir, path, flags, mode);
}

int open64(const char *path, int flags, ...) __attribute__((alias("open")));
int openat64(int dir, const char *path, int flags, ...) __attribute__((alias("openat")));

int close(int fd)
{
	struct file file;

	look_up(fd, &file, 1);
	return (int)syscall(SYS_close, fd);
}

/* A write to an attribute takes effect at once, as in sysfs. */
ssize_t write(int fd, const void *bytes, size_t size)
{
	struct file file;
	char text[40];

	if (!look_up(fd, &file, 0) || !*file.attribute)
		return syscall(SYS_write, fd, bytes, size);
	snprintf(text, sizeof(text), "%.*s", (int)size, (const char *)bytes);
	if (buffer_store(file.buffer, file.attribute, strtoull(text, NULL, 0)))
		return -1;
	return (ssize_t)size;
}

void *mmap(void *addr, size_t size, int protection, int flags, int fd, off_t offset)
{
	struct file file;
	void *memory;

	if (flags & MAP_ANONYMOUS || !look_up(fd, &file, 0) || *file.attribute)
		return (void *)syscall(SYS_mmap, addr, size, protection, flags, fd, offset);
	memory = flags & MAP_FIXED ? NULL : buffer_memory(file.buffer, (size_t)offset, size);
	if (memory)
		return memory;
	errno = EINVAL;
	return MAP_FAILED;
}

void *mmap64(void *addr, size_t size, int protection, int flags, int fd, off_t offset)
	__attribute__((alias("mmap")));

/* The buffers keep their memory, as u-dma-buf's do. */
int munmap(void *addr, size_t size)
{
	return buffer_contains(addr) ? 0 : (int)syscall(SYS_munmap, addr, size);
}
