/* SPDX-License-Identifier: GPL-2.0-only */
/* The reserve: chunks that are allocated and zeroed in advance. As a source, see source.h. */
#ifndef PINNED_MEM_RESERVE_H
#define PINNED_MEM_RESERVE_H

#include <linux/types.h>

int pinned_reserve_init(void);
void pinned_reserve_exit(void);

int pinned_reserve_resize(int node, unsigned long chunks);
unsigned long pinned_reserve_size(int node);
unsigned long pinned_reserve_free(int node);

#endif /* PINNED_MEM_RESERVE_H */
