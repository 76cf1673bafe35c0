/* SPDX-License-Identifier: MIT */
/*
 * The local key of any pointer into pinned memory, without a registration for each message: each
 * chunk is registered once, when its key is first needed.
 */
#ifndef REGIONS_H
#define REGIONS_H

#include <infiniband/verbs.h>
#include <pinned.h>

/**
 * struct regions - the registrations of a protection domain
 * @domain: the domain
 * @registrar: calls the functions that register chunks
 * @added: how many chunks were registered so far
 * @removed: how many of them were withdrawn
 */
struct regions {
	struct ibv_pd *domain;
	struct pinned_registrar *registrar;
	size_t added;
	size_t removed;
};

/* Returns 0, or -1 with errno set. */
int regions_begin(struct regions *regions, struct ibv_pd *domain);
/* Withdraws all chunks, and must be called before ibv_dealloc_pd(). */
void regions_end(struct regions *regions);

/*
 * Describes a buffer in a request: one piece for each chunk that the buffer touches. The device may
 * read and write the buffer. Return: the number of pieces; -1 with errno set if there are more than
 * @most (ENOBUFS), or if the buffer is not pinned or cannot be registered.
 */
int regions_pieces(struct regions *regions, const void *ptr, size_t len, struct ibv_sge *pieces,
		   int most);

#endif /* REGIONS_H */
