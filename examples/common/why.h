/* SPDX-License-Identifier: MIT */
/*
 * Why something failed: each function of the examples' drivers that fails sets errno, and leaves one line for
 * a person, of the calling thread.
 */
#ifndef EXAMPLES_WHY_H
#define EXAMPLES_WHY_H

/* Sets errno to @error and the line to what follows. Return: -1. */
int why_fail(int error, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The line of this thread's last failure; empty if there was none. */
const char *why(void);

#endif /* EXAMPLES_WHY_H */
