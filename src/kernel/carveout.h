/* SPDX-License-Identifier: GPL-2.0-only */
/* The carve-out: memory that was reserved at boot. As a source, see source.h. */
#ifndef PINNED_MEM_CARVEOUT_H
#define PINNED_MEM_CARVEOUT_H

int pinned_carveout_init(void);
void pinned_carveout_exit(void);

unsigned long pinned_carveout_size(void);
unsigned long pinned_carveout_free(void);

#endif /* PINNED_MEM_CARVEOUT_H */
