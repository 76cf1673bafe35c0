/* SPDX-License-Identifier: MIT */
/* Access to the shim's decision for functions outside of the malloc family. */
#ifndef PN_INIT_H
#define PN_INIT_H

#include <stdbool.h>

/* Returns whether this process is on pinned memory. Takes the decision if it is not taken yet. */
bool pn_init_is_pinned(void);

#endif /* PN_INIT_H */
