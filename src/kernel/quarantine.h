/* SPDX-License-Identifier: GPL-2.0-only */
/* Chunks on their way back to their sources. */
#ifndef PINNED_MEM_QUARANTINE_H
#define PINNED_MEM_QUARANTINE_H

#include <linux/types.h>

struct pinned_chunk;

int pinned_quarantine_init(void);
void pinned_quarantine_exit(void);

void pinned_quarantine_return(struct pinned_chunk *chunk, bool must_rest);
unsigned long pinned_quarantine_drain(unsigned long count);
unsigned long pinned_quarantine_resting(void);
unsigned long pinned_quarantine_busy(void);

#endif /* PINNED_MEM_QUARANTINE_H */
