/* SPDX-License-Identifier: MIT */
/*
 * What the proofs share. A proof includes the source file that it is about, and has functions
 * prove_*(), which CBMC executes with every value that any_*() can return and that assume() lets
 * pass. It fails if an assert() can be false, if a loop can run more often than the proof's first
 * comment says, or if the code can overflow, shift too far or access memory outside an object.
 */
#ifndef PROOF_H
#define PROOF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void __CPROVER_assume(_Bool condition);
void __CPROVER_assert(_Bool condition, const char *what);

#define assume(condition) __CPROVER_assume(condition)
#define assert(condition) __CPROVER_assert(condition, #condition)

/* CBMC lets a function of such a name return any value. */
size_t nondet_size(void);
uint64_t nondet_bits(void);
uint8_t nondet_byte(void);
_Bool nondet_bool(void);
#define any_size nondet_size
#define any_bits nondet_bits
#define any_byte nondet_byte
#define any_bool nondet_bool

static inline size_t any_size_below(size_t end)
{
	size_t size = any_size();

	assume(size < end);
	return size;
}

/* The library's own assertions are proved too. */
_Noreturn void pn_assert_failed(const char *file, unsigned int line, const char *what)
{
	(void)file;
	(void)line;
	(void)what;
	__CPROVER_assert(0, "an assertion of the library");
	__CPROVER_assume(0);
	for (;;)
		;
}

#endif /* PROOF_H */
