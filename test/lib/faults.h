/* SPDX-License-Identifier: MIT */
/* Fault injection: allocations and copies to and from user memory that fail. */
#ifndef FAULTS_H
#define FAULTS_H

#include <stdbool.h>

/*
 * Set up the kernel's knobs, for processes that ask for it only; skips the test if
 * the kernel has none. From here to the end init forgives the kernel's remarks on
 * allocations that failed.
 */
void faults_begin(void);
void faults_end(void);

/* At random, in this process and its later children. @one_in: of allocations. */
void faults_at_random(bool is_on);
void faults_for_me(void);

/*
 * The @n-th chance to fail from here on in this thread, if it comes to that.
 * faults_disarm() tells whether it did.
 */
void faults_arm(unsigned int n);
bool faults_disarm(void);

#endif
