/* SPDX-License-Identifier: MIT */
/*
 * Shared by the parts of the driver's fuzzer. Each process has one random sequence
 * and a model of what it must see: the content of its chunks, page by page, and what
 * is mapped at each page of a window of addresses that contains all its mappings.
 * Each step does a random operation, compares the result with the model, and updates
 * the model. A forked child goes on with its copy of the model, which describes the
 * snapshot that the child must see.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include "guest.h"

#define POOLS 3
#define SLOTS 6UL
#define CHUNKS 64
#define EXPORTS 3
#define PLACES 8
#define PINS 4
/* The pages of one place, which is chunk-aligned. A gap after each place separates mappings. */
#define PLACE_PAGES ((SLOTS + 1) * CHUNK_PAGES)
#define PLACE_PAGES_MAX ((SLOTS + 1) * CHUNK_PAGES_MAX)
#define PLACE_STRIDE ((SLOTS + 3) * CHUNK)
#define NO_POOL (-1)
#define NO_CHUNK (-1)
#define ANCESTORS_MAX 4

/* The random sequence of a process; the same seed leads to the same steps. */
struct fuzz_random {
	uint64_t state;
};

uint64_t fuzz_next(struct fuzz_random *random);
/* Returns a random number from 0 to @below - 1. */
unsigned long fuzz_below(struct fuzz_random *random, unsigned long below);
/* Returns true once in @times calls, at random. */
bool fuzz_once_in(struct fuzz_random *random, unsigned int times);

/* The content of one chunk: every word of a page contains the page's value. */
struct model_chunk {
	unsigned int refs;
	uint64_t pages[CHUNK_PAGES_MAX];
};

struct model_pool {
	int fd; /* -1: closed, or never open */
	bool is_mine, is_read_only, is_gone;
	uint32_t memory_type;
	int chunks[SLOTS];   /* of model.chunks, or NO_CHUNK */
	uint32_t pins[PINS]; /* numbers of pins, or 0 */
};

/* One page of the window. */
struct model_page {
	int8_t pool; /* NO_POOL: nothing is mapped */
	uint8_t prot;
	uint8_t memory_type; /* of the pool, at the time of the mapping */
	bool is_dont_fork;
	uint32_t pgoff;
};

struct model_export {
	int fd;
	unsigned int count;
	int chunks[SLOTS];
};

struct model {
	struct model_chunk chunks[CHUNKS];
	struct model_pool pools[POOLS];
	struct model_page pages[PLACES][PLACE_PAGES_MAX];
	struct model_export exports[EXPORTS];
};

struct fuzz_totals {
	unsigned long steps, processes, populated, punched, forks, missing_pages, refused, lent;
	uint32_t last_tag;
};

/* The state of one process of the fuzzer. */
struct fuzz {
	struct fuzz_random random;
	struct model model;
	char *window;
	uint64_t seed, deadline_ns, step;
	unsigned int worker, depth;
	uint32_t tags[ANCESTORS_MAX]; /* of this process, then of its ancestors */
	unsigned int tag_count;
	uint32_t stamps;
	const char *doing;
	int sockets[2];	 /* to the next worker, and from the previous one */
	bool is_starved; /* allocations are made to fail */
};

extern struct fuzz fuzz;
/* Shared by all processes. */
extern struct fuzz_totals *totals;

#define WRONG(...) fuzz_wrong(__FILE__, __LINE__, __VA_ARGS__)
void fuzz_wrong(const char *file, int line, const char *format, ...)
	__attribute__((format(printf, 3, 4), noreturn));
/* Returns whether @error means that memory or a limit was used up. */
bool fuzz_is_shortage(int error);
/*
 * Checks a call that may fail only because memory or a limit is used up. Return: whether it worked.
 */
bool fuzz_worked(const char *what, long result);
void fuzz_count(unsigned long *total);
/* From this call on allocations of this process fail, if the fuzzer was started that way. */
void fuzz_be_starved(void);
/*
 * Returns whether a child ended as it may: by exit with 0, or by SIGSEGV while allocations fail,
 * when the kernel could not copy a signal's frame to the stack.
 */
bool fuzz_ended_well(int status);

/* Stamps are values that consist of a tag, which no other process has, and a number. */
uint64_t fuzz_new_stamp(void);
/* Returns whether @value is 0, or a stamp of this process or of one of its ancestors. */
bool fuzz_is_own(uint64_t value);
void fuzz_take_tag(void);

/* model.c: the pages that a step works on, and what they must contain. */
struct span {
	unsigned int place;
	unsigned long first, count;
};

char *model_address(unsigned int place, unsigned long page);
struct span model_random_span(void);
/* Looks for a random page at which something is mapped. Return: whether a few tries found one. */
bool model_random_mapped(unsigned int *place, unsigned long *page);
struct model_page *model_page_at(unsigned int place, unsigned long page);
int model_chunk_new(void);
void model_chunk_get(int chunk);
void model_chunk_put(int chunk);
bool model_pool_is_empty(const struct model_pool *pool);
/* Returns where the model keeps the value of a page, or NULL if there is no memory at that page. */
uint64_t *model_value(const struct model_page *page);
void model_check(unsigned int place, unsigned long page);
void model_check_some(unsigned int pages);
void model_write(unsigned int place, unsigned long page);
void model_check_words(const uint64_t *words, size_t count, uint64_t value, const char *what);
/* Removes pages from the model, and unmaps them, when their state is no longer known. */
void model_forget(const struct span *span);
/* Drops from a child's model what fork() does not copy and what belongs to the parent. */
void model_inherit(void);
void model_close_all(void);

/* Reads and writes that may raise a signal. Call fuzz_catch_signals() before. */
void fuzz_catch_signals(void);
int fuzz_try_read(const void *at, uint64_t *value);
int fuzz_try_write(void *at, uint64_t value);

/* The steps. Each does one kind of operation. */
void step_request(void); /* requests.c */
void step_open(void);
void step_close(void);
void step_bad_request(void); /* bad_requests.c */
void step_map(void);	     /* mappings.c */
void step_bad_map(void);
void step_unmap(void);
void step_protect(void);
void step_move(void);
void step_advise(void);
void step_pipe(void); /* transfers.c */
void step_splice(void);
void step_other_view(void);
void step_export(void);
void step_pass_descriptor(void);
void step_fork(void); /* worker.c */

/* worker.c: does @steps steps, or fewer if the deadline comes first. */
void fuzz_run(unsigned long steps);
void fuzz_worker(void);

/* races.c: runs threads that do all of this to one pool at the same time, without a model. */
void races_run(uint64_t seed, unsigned int threads);

#endif
