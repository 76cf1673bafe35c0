/* SPDX-License-Identifier: MIT */
/*
 * Assertions about the library's own data: they state what must be true whatever the program does.
 *
 * PN_CHECKS selects the assertions when the library is compiled. With 0, the default and the value
 * for releases, there are none, and no code is generated. With 1, there are those that take
 * constant time. With 2, there are also those that walk a list, a bitmap or a table. The unit
 * tests, the fuzzers and one run of the preload tests use 2.
 *
 * Assertions are not for wrong use by a program, such as a double free or a wild pointer: die.h
 * reports wrong use in released libraries too.
 */
#ifndef PN_ASSERT_H
#define PN_ASSERT_H

#ifndef PN_CHECKS
#define PN_CHECKS 0
#endif

/* Writes "pinned: <file>:<line>: assertion failed: <what>" to standard error and calls abort(3). */
_Noreturn void pn_assert_failed(const char *file, unsigned int line, const char *what);

#define PN_ASSERT_ON(condition) \
	((condition) ? (void)0 : pn_assert_failed(__FILE__, __LINE__, #condition))
/* The compiler checks the condition, and generates no code for it. */
#define PN_ASSERT_OFF(condition) ((void)sizeof((condition) ? 1 : 0))

#if PN_CHECKS >= 1
#define pn_assert(condition) PN_ASSERT_ON(condition)
#else
#define pn_assert(condition) PN_ASSERT_OFF(condition)
#endif

/* For conditions that take more than constant time. */
#if PN_CHECKS >= 2
#define pn_assert_slow(condition) PN_ASSERT_ON(condition)
#else
#define pn_assert_slow(condition) PN_ASSERT_OFF(condition)
#endif

/* For functions that only assertions call. */
#define PN_UNUSED_IN_RELEASE __attribute__((unused))

#endif /* PN_ASSERT_H */
