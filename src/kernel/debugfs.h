/* SPDX-License-Identifier: GPL-2.0-only */
/* The files in /sys/kernel/debug/pinned_mem. */
#ifndef PINNED_MEM_DEBUGFS_H
#define PINNED_MEM_DEBUGFS_H

void pinned_debugfs_init(void);
void pinned_debugfs_exit(void);

#endif /* PINNED_MEM_DEBUGFS_H */
