// SPDX-License-Identifier: MIT
/*
 * The library. It asks the driver to use the program's own memory, and copies through a buffer from
 * pinned_malloc() only if the driver reports that the memory is not pinned.
 */
#include "edu.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <pinned.h>

#include "edu_pinned.h"

int edu_open(struct edu *edu)
{
	memset(edu, 0, sizeof(*edu));
	edu->fd = open(EDU_PINNED_DEVICE, O_RDWR | O_CLOEXEC);
	if (edu->fd < 0)
		return -1;
	edu->bounce = pinned_malloc(EDU_MAX);
	if (!edu->bounce) {
		close(edu->fd);
		errno = ENOMEM;
		return -1;
	}
	return 0;
}

void edu_close(struct edu *edu)
{
	pinned_free(edu->bounce);
	close(edu->fd);
}

/* Transfers @buffer in place. Return: 0; -1 with errno, ENXIO if the memory is not pinned. */
static int transfer(struct edu *edu, const void *buffer, size_t length, int from_card)
{
	struct edu_pinned_transfer request = {
		.addr = (uintptr_t)buffer,
		.length = (uint32_t)length,
		.from_card = (uint32_t)from_card,
	};

	if (length > EDU_MAX) {
		errno = EINVAL;
		return -1;
	}
	return ioctl(edu->fd, EDU_PINNED_IOC_TRANSFER, &request);
}

int edu_send(struct edu *edu, const void *buffer, size_t length)
{
	if (!transfer(edu, buffer, length, 0)) {
		edu->straight += length;
		return 0;
	}
	if (errno != ENXIO)
		return -1;
	memcpy(edu->bounce, buffer, length);
	edu->copied += length;
	return transfer(edu, edu->bounce, length, 0);
}

int edu_receive(struct edu *edu, void *buffer, size_t length)
{
	if (!transfer(edu, buffer, length, 1)) {
		edu->straight += length;
		return 0;
	}
	if (errno != ENXIO || transfer(edu, edu->bounce, length, 1))
		return -1;
	memcpy(buffer, edu->bounce, length);
	edu->copied += length;
	return 0;
}
