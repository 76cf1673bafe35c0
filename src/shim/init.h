/* SPDX-License-Identifier: MIT */
/* The decision, asked by what is not of the malloc family. */
#ifndef PN_INIT_H
#define PN_INIT_H

#include <stdbool.h>

/* Is this process on pinned memory? Decides, if that has not been done. */
bool pn_init_is_pinned(void);

#endif /* PN_INIT_H */
