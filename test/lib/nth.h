/* SPDX-License-Identifier: MIT */
/*
 * Runs an operation repeatedly. In the n-th run its n-th allocation, or its n-th copy
 * from or to user memory, fails, until a run succeeds because it has fewer than n such
 * places. Of many similar places in a row only some are tried. An operation that fails
 * must return an error and must have changed nothing.
 */
#ifndef NTH_H
#define NTH_H

#include "faults.h"
#include "guest.h"

#define NTH_FILLED 2UL
#define NTH_SLOTS 5UL
#define NTH_PAGES (NTH_FILLED * CHUNK_PAGES)
/* Coprime to the number of pages in a chunk, so that every position within a chunk is covered. */
#define NTH_PAGE_STEP 61

/* The state at the start of each try: a pool with NTH_FILLED filled slots, mapped but untouched. */
struct nth_pool {
	int fd;
	char *at;
	uint64_t phys[NTH_SLOTS];
	struct pinned_mem_info before;
};

extern struct nth_pool nth;

struct nth_operation {
	const char *name;
	int (*run)(void);      /* returns 0 or an error number */
	void (*prepare)(void); /* runs before that, without failures */
	void (*finish)(void);
	int also; /* an error that run() may return besides ENOMEM and EFAULT */
};

/* Begin and end a test. nth_begin() skips the test if the kernel has no fault injection. */
void nth_begin(void);
void nth_end(void);

void nth_try_all(const struct nth_operation *operations, size_t count);

/* The steps of nth_try_all(), for operations that are not one call in one process. */
void nth_set_up(void);
void nth_tear_down(void);
void nth_all_is_as_before(void);
/* Returns the number of the place to fail after the @n-th; fails the test if there are too many. */
unsigned int nth_next(const char *name, unsigned int n);

/* Converts the result of a call that returns -1 and sets errno into 0 or the error number. */
int nth_error_of(long result);

#endif
