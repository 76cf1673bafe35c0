/* SPDX-License-Identifier: MIT */
/*
 * Operations that are done again and again, and each time another one of their
 * allocations, or of their copies from and to user memory, fails: the first, the
 * second, ... until the operation comes through (of many in a row that are alike,
 * some). What fails must say so, and have changed nothing.
 */
#ifndef NTH_H
#define NTH_H

#include "faults.h"
#include "guest.h"

#define NTH_FILLED 2UL
#define NTH_SLOTS 5UL
#define NTH_PAGES (NTH_FILLED * CHUNK_PAGES)
/* Prime to the chunk's pages: any of them comes up. */
#define NTH_PAGE_STEP 61

/* What each try begins with: a pool, some slots filled, all mapped, none touched since. */
struct nth_pool {
	int fd;
	char *at;
	uint64_t phys[NTH_SLOTS];
	struct pinned_mem_info before;
};

extern struct nth_pool nth;

struct nth_operation {
	const char *name;
	int (*run)(void);      /* gives 0, or an errno */
	void (*prepare)(void); /* before, with nothing failing */
	void (*finish)(void);
	int also; /* an error that it may give besides ENOMEM and EFAULT */
};

/* Around all of a test. Skips it where nothing can be made to fail. */
void nth_begin(void);
void nth_end(void);

void nth_try_all(const struct nth_operation *operations, size_t count);

/* The same by hand, for what is not one call of one process. */
void nth_set_up(void);
void nth_tear_down(void);
void nth_all_is_as_before(void);
/* Which one shall fail after the @n-th; FAIL()s when there is no end to it. */
unsigned int nth_next(const char *name, unsigned int n);

/* The result of a call that gives -1 and errno. */
int nth_error_of(long result);

#endif
