/* SPDX-License-Identifier: MIT */
/* Constants, attributes and helpers that every file of the library uses. */
#ifndef PN_BASE_H
#define PN_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PN_CHUNK_SHIFT 21
#define PN_CHUNK_SIZE ((size_t)1 << PN_CHUNK_SHIFT)
#define PN_CHUNK_MASK (PN_CHUNK_SIZE - 1)

/*
 * A chunk is divided into pages; slabs and medium objects occupy page runs. The system's pages may
 * be larger: whoever asks the kernel for something by page uses the auxiliary vector's AT_PAGESZ.
 */
#define PN_PAGE_SHIFT 12
#define PN_PAGE_SIZE ((size_t)1 << PN_PAGE_SHIFT)
#define PN_CHUNK_PAGES ((size_t)1 << (PN_CHUNK_SHIFT - PN_PAGE_SHIFT))

#define pn_likely(x) __builtin_expect(!!(x), 1)
#define pn_unlikely(x) __builtin_expect(!!(x), 0)
#define PN_NOINLINE __attribute__((noinline, cold))
#define PN_CACHE_LINE 64

#if defined(__SANITIZE_THREAD__)
#define PN_THREAD_SANITIZER
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define PN_THREAD_SANITIZER
#endif
#endif

static inline size_t pn_round_up(size_t value, size_t power_of_two)
{
	return (value + power_of_two - 1) & ~(power_of_two - 1);
}

#endif /* PN_BASE_H */
