/* SPDX-License-Identifier: MIT */
/*
 * Error messages: each function of the examples' drivers that fails sets errno and leaves a
 * one-line message for the user, which belongs to the calling thread.
 */
#ifndef EXAMPLES_WHY_H
#define EXAMPLES_WHY_H

/* Sets errno to @error and the thread's message to the formatted text. Return: -1. */
int why_fail(int error, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Returns the message of the calling thread's last failure; empty if there was none. */
const char *why(void);

#endif /* EXAMPLES_WHY_H */
