// SPDX-License-Identifier: MIT
/*
 * Drives the edu device from user space. Registers and constants are from QEMU's documentation of
 * the device.
 */
#define _GNU_SOURCE
#include "edu.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "vfio.h"

#define PCI_DEVICES "/sys/bus/pci/devices"
#define EDU_VENDOR 0x1234
#define EDU_DEVICE 0x11e8

#define PCI_COMMAND 0x04
#define PCI_COMMAND_MEMORY 0x2
#define PCI_COMMAND_MASTER 0x4

#define BAR_SIZE (1 << 20)
#define REG_IDENTIFICATION 0x00
#define REG_DMA_SOURCE 0x80
#define REG_DMA_DESTINATION 0x88
#define REG_DMA_COUNT 0x90
#define REG_DMA_COMMAND 0x98
#define DMA_RUN 0x1
#define DMA_TO_MEMORY 0x2
#define DEVICE_BUFFER 0x40000

/* A transfer takes 100 ms of the emulated machine's time. */
#define TIMEOUT_MS 5000

/* @resource is -1 if the device is accessed through VFIO. */
struct edu {
	int resource;
	struct vfio_device vfio;
	volatile uint8_t *registers;
};

static unsigned int read_id(const char *device, const char *file)
{
	char path[512];
	unsigned int id = 0;
	FILE *f;

	snprintf(path, sizeof(path), PCI_DEVICES "/%s/%s", device, file);
	f = fopen(path, "re");
	if (f) {
		if (fscanf(f, "%x", &id) != 1)
			id = 0;
		fclose(f);
	}
	return id;
}

/* Looks for an edu device. Return: true with the device's name in @found; else false. */
static bool find_device(char *found, size_t size)
{
	DIR *dir = opendir(PCI_DEVICES);
	bool is_found = false;
	struct dirent *entry;

	while (dir && !is_found && (entry = readdir(dir))) {
		if (read_id(entry->d_name, "vendor") != EDU_VENDOR ||
		    read_id(entry->d_name, "device") != EDU_DEVICE)
			continue;
		snprintf(found, size, "%s", entry->d_name);
		is_found = true;
	}
	if (dir)
		closedir(dir);
	return is_found;
}

static int open_file(const char *device, const char *file, int flags)
{
	char path[512];

	snprintf(path, sizeof(path), PCI_DEVICES "/%s/%s", device, file);
	return open(path, flags | O_CLOEXEC);
}

/* While the master bit is off, the device's accesses to memory are dropped. */
static int enable_bus_mastering(const char *device)
{
	uint16_t command;
	int fd = open_file(device, "config", O_RDWR);
	int result = -1;

	if (fd < 0)
		return -1;
	if (pread(fd, &command, sizeof(command), PCI_COMMAND) == sizeof(command)) {
		command |= PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER;
		if (pwrite(fd, &command, sizeof(command), PCI_COMMAND) == sizeof(command))
			result = 0;
	}
	close(fd);
	return result;
}

static int open_by_sysfs(struct edu *edu, const char *device)
{
	void *registers;

	if (enable_bus_mastering(device))
		return -1;
	edu->resource = open_file(device, "resource0", O_RDWR);
	if (edu->resource < 0)
		return -1;
	registers = mmap(NULL, BAR_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, edu->resource, 0);
	if (registers == MAP_FAILED) {
		close(edu->resource);
		return -1;
	}
	edu->registers = registers;
	return 0;
}

static int open_by_vfio(struct edu *edu, const char *device)
{
	uint16_t command;
	size_t size;

	if (vfio_open(&edu->vfio, device))
		return -1;
	edu->resource = -1;
	edu->registers = vfio_map_bar(&edu->vfio, 0, &size);
	if (edu->registers && vfio_read_config(&edu->vfio, &command, sizeof(command),
					       PCI_COMMAND) == sizeof(command)) {
		command |= PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER;
		if (vfio_write_config(&edu->vfio, &command, sizeof(command), PCI_COMMAND) ==
		    sizeof(command))
			return 0;
	}
	vfio_close(&edu->vfio);
	return -1;
}

static uint32_t read32(const struct edu *edu, size_t reg)
{
	return *(volatile uint32_t *)(edu->registers + reg);
}

static void write64(const struct edu *edu, size_t reg, uint64_t value)
{
	*(volatile uint64_t *)(edu->registers + reg) = value;
}

static uint64_t read64(const struct edu *edu, size_t reg)
{
	return *(volatile uint64_t *)(edu->registers + reg);
}

struct edu *edu_open(void)
{
	char device[256];
	struct edu *edu;

	if (!find_device(device, sizeof(device))) {
		errno = ENODEV;
		return NULL;
	}
	edu = calloc(1, sizeof(*edu));
	if (!edu)
		return NULL;
	if (vfio_has(device) ? open_by_vfio(edu, device) : open_by_sysfs(edu, device)) {
		free(edu);
		return NULL;
	}
	/* The register reads as 0xRRrr00edu; the low byte identifies the device. */
	if ((read32(edu, REG_IDENTIFICATION) & 0xff) == 0xed)
		return edu;
	edu_close(edu);
	errno = ENODEV;
	return NULL;
}

void edu_close(struct edu *edu)
{
	munmap((void *)edu->registers, BAR_SIZE);
	if (edu->resource < 0)
		vfio_close(&edu->vfio);
	else
		close(edu->resource);
	free(edu);
}

int edu_container(const struct edu *edu)
{
	return edu->resource < 0 ? edu->vfio.container : -1;
}

/* With VFIO there is nothing to lock, because only one process can open the device. */
int edu_lock(struct edu *edu)
{
	return edu->resource < 0 ? 0 : flock(edu->resource, LOCK_EX);
}

void edu_unlock(struct edu *edu)
{
	if (edu->resource >= 0)
		flock(edu->resource, LOCK_UN);
}

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Polls until the device has cleared the run bit. */
int edu_wait(struct edu *edu)
{
	const struct timespec pause = { .tv_nsec = 10000000 };
	int64_t end = now_ms() + TIMEOUT_MS;

	while (read64(edu, REG_DMA_COMMAND) & DMA_RUN) {
		if (now_ms() > end) {
			errno = ETIMEDOUT;
			return -1;
		}
		nanosleep(&pause, NULL);
	}
	return 0;
}

static int start(struct edu *edu, uint64_t from, uint64_t to, size_t len, uint64_t direction)
{
	if (!len || len > EDU_TRANSFER_MAX) {
		errno = EINVAL;
		return -1;
	}
	write64(edu, REG_DMA_SOURCE, from);
	write64(edu, REG_DMA_DESTINATION, to);
	write64(edu, REG_DMA_COUNT, len);
	/* The program's writes must be visible in memory before the device reads them. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	write64(edu, REG_DMA_COMMAND, DMA_RUN | direction);
	return 0;
}

static int transfer(struct edu *edu, uint64_t from, uint64_t to, size_t len, uint64_t direction)
{
	return start(edu, from, to, len, direction) ? -1 : edu_wait(edu);
}

int edu_read_memory(struct edu *edu, uint64_t address, size_t len)
{
	return transfer(edu, address, DEVICE_BUFFER, len, 0);
}

int edu_write_memory(struct edu *edu, uint64_t address, size_t len)
{
	return transfer(edu, DEVICE_BUFFER, address, len, DMA_TO_MEMORY);
}

int edu_start_write_memory(struct edu *edu, uint64_t address, size_t len)
{
	return start(edu, DEVICE_BUFFER, address, len, DMA_TO_MEMORY);
}
