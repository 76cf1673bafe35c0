/* SPDX-License-Identifier: MIT */
/* Counting writes to cache lines: see runtime.c. */
#ifndef BENCH_LINES_H
#define BENCH_LINES_H

/* Counts the writes of the calling thread from now on; @thread is its number, 0 to 63. */
void lines_begin(int thread);
void lines_end(void);
void lines_print(void);

#endif /* BENCH_LINES_H */
