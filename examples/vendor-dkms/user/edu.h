/* SPDX-License-Identifier: MIT */
/*
 * An example of a vendor's library, which moves a program's buffers to the card and back. Any
 * pointer of the program is accepted. The card accesses pinned memory, from pinned_malloc() or
 * under pinned-run, in place; other memory is copied.
 *
 * Not thread-safe: one thread at a time may use a struct edu.
 */
#ifndef EDU_H
#define EDU_H

#include <stddef.h>

/* The most bytes that the card's buffer can take. */
#define EDU_MAX 4032

/**
 * struct edu - an open card
 * @fd:		the driver's device
 * @bounce:	EDU_MAX bytes of pinned memory, for buffers that are not pinned
 * @straight:	bytes that the card read or wrote in the program's own memory
 * @copied:	bytes that went through @bounce
 */
struct edu {
	int fd;
	void *bounce;
	size_t straight;
	size_t copied;
};

/* Return: 0; -1 with errno, ENOENT if the driver or the card is missing, ENOMEM. */
int edu_open(struct edu *edu);
void edu_close(struct edu *edu);

/* Copy up to EDU_MAX bytes into the card, and out of it. Return: 0, or -1 with errno. */
int edu_send(struct edu *edu, const void *buffer, size_t length);
int edu_receive(struct edu *edu, void *buffer, size_t length);

#endif /* EDU_H */
