/* SPDX-License-Identifier: MIT */
/*
 * A vendor's library: moves a program's buffers to the card and back. It takes any
 * pointer of the program's; pinned memory, from pinned_malloc() or under
 * pinned-run, goes straight, the rest is copied.
 *
 * Not thread-safe: one user of a struct edu at a time.
 */
#ifndef EDU_H
#define EDU_H

#include <stddef.h>

/* The most that the card holds. */
#define EDU_MAX 4032

/**
 * struct edu - an open card
 * @fd:		the driver's device
 * @bounce:	EDU_MAX bytes of pinned memory, for what is not pinned
 * @straight:	bytes that the card read or wrote where the program has them
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

/* Up to EDU_MAX bytes into the card, and out of it. Return: 0, or -1 with errno. */
int edu_send(struct edu *edu, const void *buffer, size_t length);
int edu_receive(struct edu *edu, void *buffer, size_t length);

#endif /* EDU_H */
