// SPDX-License-Identifier: MIT
/*
 * A program that is written for u-dma-buf: a buffer is a device file, whose memory the program maps,
 * and a folder of attributes, which contains the physical address and synchronizes. QEMU's edu
 * device reads bytes at the beginning of the buffer, and writes them to its end.
 *
 * usage: try NAME
 * Prints "try name=NAME size=N moved=N mismatches=N". The exit status is 0 if all bytes are right.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "edu.h"

static const char *name;

static _Noreturn void die(const char *what)
{
	perror(what);
	exit(1);
}

static int open_attribute(const char *attribute, int flags)
{
	char path[200];
	int fd;

	snprintf(path, sizeof(path), "/sys/class/u-dma-buf/%s/%s", name, attribute);
	fd = open(path, flags);
	if (fd < 0)
		die(path);
	return fd;
}

static unsigned long long read_attribute(const char *attribute)
{
	int fd = open_attribute(attribute, O_RDONLY);
	char text[64] = "";

	if (read(fd, text, sizeof(text) - 1) <= 0)
		die(attribute);
	close(fd);
	return strtoull(text, NULL, 0);
}

static void write_attribute(const char *attribute, unsigned long long value)
{
	int fd = open_attribute(attribute, O_WRONLY);
	char text[64];
	int length = snprintf(text, sizeof(text), "%llu", value);

	if (write(fd, text, (size_t)length) != length)
		die(attribute);
	close(fd);
}

static void synchronize(const char *attribute, size_t offset, size_t size, int direction)
{
	write_attribute("sync_offset", offset);
	write_attribute("sync_size", size);
	write_attribute("sync_direction", (unsigned long long)direction);
	write_attribute(attribute, 1);
}

static char *map(size_t size)
{
	char path[200];
	void *memory;
	int fd;

	snprintf(path, sizeof(path), "/dev/%s", name);
	fd = open(path, O_RDWR);
	if (fd < 0)
		die(path);
	memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (memory == MAP_FAILED)
		die("mmap");
	close(fd);
	return memory;
}

int main(int argc, char **argv)
{
	const size_t moved = EDU_TRANSFER_MAX;
	unsigned long long physical;
	struct edu *edu;
	size_t size, mismatches = 0;
	char *memory;

	if (argc != 2) {
		fprintf(stderr, "usage: try NAME\n");
		return 2;
	}
	name = argv[1];
	edu = edu_open();
	if (!edu)
		die("edu");
	size = read_attribute("size");
	physical = read_attribute("phys_addr");
	memory = map(size);
	for (size_t i = 0; i < moved; i++)
		memory[i] = (char)(i * 31 + i / 251 + 1);
	synchronize("sync_for_device", 0, moved, 1);
	if (edu_read_memory(edu, physical, moved))
		die("the device's read");
	synchronize("sync_for_device", size - moved, moved, 2);
	if (edu_write_memory(edu, physical + size - moved, moved))
		die("the device's write");
	synchronize("sync_for_cpu", size - moved, moved, 2);
	for (size_t i = 0; i < moved; i++)
		mismatches += memory[size - moved + i] != (char)(i * 31 + i / 251 + 1);
	edu_close(edu);
	if (munmap(memory, size))
		die("munmap");
	printf("try name=%s size=%zu moved=%zu mismatches=%zu\n", name, size, moved, mismatches);
	return mismatches != 0;
}
