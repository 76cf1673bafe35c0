/* SPDX-License-Identifier: GPL-2.0-only */
/* One chunk: 2 MiB of contiguous memory, reference-counted by its holders within the driver. */
#ifndef PINNED_MEM_CHUNK_H
#define PINNED_MEM_CHUNK_H

#include "base.h"
#include "record.h"

struct pinned_account;
struct pinned_policy;

int pinned_chunks_create(struct pinned_chunk **chunks, unsigned long count,
			 const struct pinned_policy *policy, struct pinned_account *account);
struct pinned_chunk *pinned_chunk_get(struct pinned_chunk *chunk);
void pinned_chunk_wait_for_faults(struct pinned_chunk *chunk);
void pinned_chunk_put(struct pinned_chunk *chunk);
void pinned_chunk_abandon(struct pinned_chunk *chunk);

#endif /* PINNED_MEM_CHUNK_H */
