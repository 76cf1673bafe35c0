/* SPDX-License-Identifier: MIT */
/* Fault injection: makes kernel allocations and copies to and from user memory fail. */
#ifndef FAULTS_H
#define FAULTS_H

#include <stdbool.h>

/*
 * faults_begin() sets up the kernel's fault injection for the processes that ask for
 * faults, and skips the test if the kernel has no fault injection. Until faults_end(),
 * init ignores messages in the kernel's log about failed allocations.
 */
void faults_begin(void);
void faults_end(void);

/*
 * faults_at_random() turns random faults on or off for all processes that have called
 * faults_for_me(), and for the children that they fork after that call.
 */
void faults_at_random(bool is_on);
void faults_for_me(void);

/*
 * faults_arm() makes the @n-th operation of this thread that can fail, counted from
 * this call, fail. faults_disarm() returns true if the thread got that far.
 */
void faults_arm(unsigned int n);
bool faults_disarm(void);

#endif
