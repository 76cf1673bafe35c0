/* SPDX-License-Identifier: GPL-2.0-only */
/* dma-bufs: exports slots of a pool to other drivers and processes. */
#ifndef PINNED_MEM_EXPORT_H
#define PINNED_MEM_EXPORT_H

struct file;
struct pinned_pool;

struct file *pinned_export_slots(struct pinned_pool *pool, unsigned long slot, unsigned long count);

#endif /* PINNED_MEM_EXPORT_H */
