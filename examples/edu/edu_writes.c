// SPDX-License-Identifier: MIT
/*
 * An example of a vendor's interposer. Preloaded into an unmodified program, the interposer sends
 * every buffer that the program passes to write(2), pwrite(2) and writev(2) through the edu device
 * before the system call. The device reads the buffer from the program's own memory, at the
 * physical addresses that libpinned returns, and writes the bytes into a second pinned buffer,
 * which is compared byte for byte. If the device is accessed through VFIO, then the heap is
 * attached to the device, and the same transfers use I/O addresses and need no root.
 *
 * A buffer that malloc has not allocated (on the stack, in static memory) is pinned where it is. A
 * buffer that cannot be pinned (read-only, or inherited over a fork; with VFIO, all that malloc has
 * not allocated) goes through a bounce buffer, and its bytes are counted as copied. Without pinned
 * memory, every buffer would need such a copy.
 *
 * EDU_REPORT names a file to which each process appends its figures.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pinned.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "../common/pagemap.h"
#include "edu.h"

#define EXTENTS 16

static struct {
	uint64_t buffers, in_place_bytes, copied_bytes, mismatches;
} totals;

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct edu *edu;
/* The attached device if it is accessed through VFIO; else NULL, and addresses are physical. */
static struct pinned_device *device;
static bool is_tried;
static bool is_shown;
/* The buffer that the device writes to, and the bounce buffer for bytes that it cannot access. */
static char *returned, *bounce;
/* Set during the interposer's own work, so that writes made by it are not intercepted. */
static __thread bool is_inside;

static ssize_t (*next_write)(int, const void *, size_t);

/* The report. */

static void report(const char *format, ...)
{
	const char *path = getenv("EDU_REPORT");
	char text[600];
	va_list args;
	int fd, len;

	if (!path)
		return;
	va_start(args, format);
	len = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
	if (fd < 0)
		return;
	if (next_write(fd, text, (size_t)len) != len)
		totals.mismatches++;
	close(fd);
}

static uint64_t address_of(const void *ptr)
{
	return device ? pinned_dma_addr(device, ptr) : pinned_v2p(ptr);
}

/* Shows the addresses of one buffer, step by step, for readers who are new to pinned memory. */
static void show_physical(const void *buffer)
{
	uint64_t phys = pinned_v2p(buffer), confirmed = phys_by_pagemap(buffer);
	bool is_hidden = !confirmed && geteuid() != 0;

	report("show     pinned_v2p() says physical 0x%012" PRIx64 "\n"
	       "show     /proc/self/pagemap says    0x%012" PRIx64 "  %s\n",
	       phys, confirmed,
	       confirmed == phys ? "the same"
	       : is_hidden	 ? "(nothing: this is not root)"
				 : "DIFFERENT");
	if (confirmed != phys && !is_hidden)
		totals.mismatches++;
}

static void show_behind_iommu(const void *buffer)
{
	report("show     pinned_dma_addr() says I/O 0x%012" PRIx64 "\n"
	       "show     pinned_v2p() says          %s; user %d, /dev/vfio\n",
	       pinned_dma_addr(device, buffer),
	       pinned_v2p(buffer) == PINNED_NO_PHYS ? "no physical address is known"
						    : "a PHYSICAL ADDRESS",
	       (int)getuid());
}

static void show(const char *call, const void *buffer, size_t len, bool is_same)
{
	if (is_shown || len < 100)
		return;
	is_shown = true;
	report("show   one buffer of %s, as it passed it to %s:\n"
	       "show     virtual address            0x%012" PRIxPTR "  (%zu bytes)\n",
	       program_invocation_short_name, call, (uintptr_t)buffer, len);
	if (device)
		show_behind_iommu(buffer);
	else
		show_physical(buffer);
	report("show     the device read it there and wrote it to %s 0x%" PRIx64 ": %s\n",
	       device ? "I/O" : "physical", address_of(returned),
	       is_same ? "every byte the same" : "DIFFERENT");
}

/* The device. */

/*
 * Opens the device. With VFIO, also attaches the heap, since the device reaches only attached
 * memory.
 */
static struct edu *open_device(void)
{
	struct edu *opened = edu_open();

	if (!opened || edu_container(opened) < 0)
		return opened;
	device = pinned_device_attach(edu_container(opened), NULL);
	if (device)
		return opened;
	edu_close(opened);
	return NULL;
}

/*
 * Prepares the device and the buffers; returns whether they can be used. In a forked child the
 * buffers are copies that no device can access, so new ones are allocated. With VFIO, the device
 * cannot access the child's memory at all.
 */
static bool is_ready(void)
{
	if (!is_tried)
		edu = open_device();
	is_tried = true;
	if (!edu)
		return false;
	if (!returned || address_of(returned) == PINNED_NO_PHYS) {
		returned = pinned_malloc(EDU_TRANSFER_MAX);
		bounce = pinned_malloc(EDU_TRANSFER_MAX);
	}
	if (returned && bounce && address_of(returned) != PINNED_NO_PHYS)
		return true;
	if (device)
		edu = NULL;
	return false;
}

/*
 * Sends @data, which the device reads at @address, through the device and back. Return: true if the
 * same bytes came back.
 */
static bool pass(const char *data, uint64_t address, size_t len)
{
	memset(returned, 0xee, len);
	return !edu_read_memory(edu, address, len) &&
	       !edu_write_memory(edu, address_of(returned), len) && !memcmp(returned, data, len);
}

static bool pass_in_pieces(const char *data, uint64_t address, size_t len)
{
	bool is_same = true;

	for (size_t at = 0; at < len; at += EDU_TRANSFER_MAX) {
		size_t piece = len - at < EDU_TRANSFER_MAX ? len - at : EDU_TRANSFER_MAX;

		is_same &= pass(data + at, address + at, piece);
	}
	return is_same;
}

static bool pass_bounced(const char *data, size_t len)
{
	bool is_same = true;

	for (size_t at = 0; at < len; at += EDU_TRANSFER_MAX) {
		size_t piece = len - at < EDU_TRANSFER_MAX ? len - at : EDU_TRANSFER_MAX;

		memcpy(bounce, data + at, piece);
		is_same &= pass(data + at, address_of(bounce), piece);
	}
	return is_same;
}

/* Sends the buffer in place. Return: -1 if any part of the buffer is not in pinned memory. */
static int pass_in_place(const char *data, size_t len)
{
	struct pinned_extent extents[EXTENTS];
	long count = device ? pinned_dma_sg(device, data, len, extents, EXTENTS)
			    : pinned_v2p_sg(data, len, extents, EXTENTS);
	bool is_same = true;

	if (count < 0 || count > EXTENTS)
		return -1;
	for (long i = 0; i < count; i++) {
		is_same &= pass_in_pieces(data, extents[i].phys, extents[i].len);
		data += extents[i].len;
	}
	return is_same;
}

static void pass_counted(const char *call, const void *buffer, size_t len)
{
	int in_place = pass_in_place(buffer, len);

	totals.buffers++;
	if (in_place >= 0) {
		totals.in_place_bytes += len;
		totals.mismatches += !in_place;
		show(call, buffer, len, in_place);
	} else {
		totals.copied_bytes += len;
		totals.mismatches += !pass_bounced(buffer, len);
	}
}

/* Pins the buffer meanwhile if malloc has not allocated it. */
static void pass_locked(const char *call, const void *buffer, size_t len)
{
	bool is_pinned = !device && !pinned_owns(buffer) && !pinned_pin(buffer, len);

	pass_counted(call, buffer, len);
	if (is_pinned)
		pinned_unpin(buffer, len);
}

static void through_device(const char *call, const void *buffer, size_t len)
{
	int saved = errno;

	if (is_inside || !len || !buffer)
		return;
	is_inside = true;
	pthread_mutex_lock(&mutex);
	if (is_ready() && !edu_lock(edu)) {
		pass_locked(call, buffer, len);
		edu_unlock(edu);
	}
	pthread_mutex_unlock(&mutex);
	is_inside = false;
	errno = saved;
}

/* The interposed functions. */

static __attribute__((constructor)) void find_next(void)
{
	next_write = (ssize_t(*)(int, const void *, size_t))dlsym(RTLD_NEXT, "write");
}

ssize_t write(int fd, const void *buffer, size_t len)
{
	through_device("write", buffer, len);
	return next_write(fd, buffer, len);
}

ssize_t pwrite64(int fd, const void *buffer, size_t len, off64_t offset)
{
	static ssize_t (*next)(int, const void *, size_t, off64_t);

	if (!next)
		next = (ssize_t(*)(int, const void *, size_t, off64_t))dlsym(RTLD_NEXT, "pwrite64");
	through_device("pwrite", buffer, len);
	return next(fd, buffer, len, offset);
}

ssize_t pwrite(int fd, const void *buffer, size_t len, off_t offset)
{
	return pwrite64(fd, buffer, len, offset);
}

ssize_t writev(int fd, const struct iovec *parts, int count)
{
	static ssize_t (*next)(int, const struct iovec *, int);

	if (!next)
		next = (ssize_t(*)(int, const struct iovec *, int))dlsym(RTLD_NEXT, "writev");
	for (int i = 0; i < count; i++)
		through_device("writev", parts[i].iov_base, parts[i].iov_len);
	return next(fd, parts, count);
}

static __attribute__((destructor)) void report_totals(void)
{
	is_inside = true;
	if (!edu) {
		report("no device for pid %d of %s: %s\n", getpid(), program_invocation_short_name,
		       is_tried ? "cannot be opened" : "nothing was written");
		return;
	}
	report("totals program=%s backend=%s buffers=%" PRIu64 " in_place_bytes=%" PRIu64
	       " copied_bytes=%" PRIu64 " mismatches=%" PRIu64 "\n",
	       program_invocation_short_name, pinned_backend(), totals.buffers,
	       totals.in_place_bytes, totals.copied_bytes, totals.mismatches);
}
