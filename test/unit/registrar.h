/* SPDX-License-Identifier: MIT */
/*
 * A registrar whose functions check what they are promised. The wrapped functions count chunks that
 * are announced or unmapped while they are registered. Whoever includes this file wraps madvise and
 * pn_sys_unmap.
 */
#ifndef TEST_REGISTRAR_H
#define TEST_REGISTRAR_H

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "arena/arena.h"
#include "chunk/registrar.h"
#include "os/sys.h"
#include "os/thread.h"
#include "pinned.h"
#include "suite.h"

#define CHUNK PINNED_CHUNK_SIZE
#define SLOTS 4096
#define THREADS 4

/* The registrar of tests with threads. */
static struct pinned_registrar *current;

/* For each slot, 1 while it is registered. The key of a slot is the slot's number + 7. */
static uint32_t registered[SLOTS];
static uint32_t adds, removes, stale, inside;
static int fails_with;
/* What the functions do beside their work. */
static void (*meanwhile)(char *addr);

int __real_madvise(void *addr, size_t size, int advice);
int __wrap_madvise(void *addr, size_t size, int advice);
bool __real_pn_sys_unmap(void *addr, size_t size);
bool __wrap_pn_sys_unmap(void *addr, size_t size);

static inline void set_meanwhile(void (*function)(char *addr))
{
	__atomic_store_n(&meanwhile, function, __ATOMIC_SEQ_CST);
}

static size_t slot_of(const void *addr)
{
	return pn_arena_offset(addr) >> PN_CHUNK_SHIFT;
}

/* Counts registered chunks in a range that is about to go. */
static void check(const void *addr, size_t size)
{
	if (!pn_arena_has(addr))
		return;
	for (size_t slot = slot_of(addr); slot < slot_of(addr) + size / CHUNK; slot++)
		if (slot < SLOTS)
			__atomic_fetch_add(&stale,
					   __atomic_load_n(&registered[slot], __ATOMIC_SEQ_CST),
					   __ATOMIC_SEQ_CST);
}

int __wrap_madvise(void *addr, size_t size, int advice)
{
	check(addr, size);
	return __real_madvise(addr, size, advice);
}

bool __wrap_pn_sys_unmap(void *addr, size_t size)
{
	check(addr, size);
	return __real_pn_sys_unmap(addr, size);
}

static void interfere(char *addr)
{
	void (*function)(char *addr) = __atomic_load_n(&meanwhile, __ATOMIC_SEQ_CST);

	if (function)
		function(addr);
}

static int add_key(void *ctx, void *addr, size_t len, uint64_t *key)
{
	size_t slot = slot_of(addr);

	ck_assert_ptr_eq(ctx, registered);
	ck_assert(len == CHUNK && addr == pn_arena_slot_at(slot) && slot < SLOTS);
	ck_assert(!pn_lock_thread.held && pn_sys_is_mapped(addr));
	__atomic_fetch_add(&inside, 1, __ATOMIC_SEQ_CST);
	interfere(addr);
	__atomic_fetch_sub(&inside, 1, __ATOMIC_SEQ_CST);
	errno = EBADMSG;
	if (fails_with)
		return fails_with;
	ck_assert_uint_eq(__atomic_exchange_n(&registered[slot], 1, __ATOMIC_SEQ_CST), 0);
	__atomic_fetch_add(&adds, 1, __ATOMIC_SEQ_CST);
	*key = slot + 7;
	return 0;
}

static void remove_key(void *ctx, void *addr, size_t len, uint64_t key)
{
	ck_assert_ptr_eq(ctx, registered);
	ck_assert(len == CHUNK && key == slot_of(addr) + 7 && !pn_lock_thread.held);
	ck_assert(pn_sys_is_mapped(addr));
	__atomic_fetch_add(&inside, 1, __ATOMIC_SEQ_CST);
	interfere(addr);
	__atomic_fetch_sub(&inside, 1, __ATOMIC_SEQ_CST);
	errno = EBADMSG;
	ck_assert_uint_eq(__atomic_exchange_n(&registered[slot_of(addr)], 0, __ATOMIC_SEQ_CST), 1);
	__atomic_fetch_add(&removes, 1, __ATOMIC_SEQ_CST);
}

static inline struct pinned_registrar *begin(const char *configuration)
{
	struct pinned_registrar *registrar;

	ck_assert_int_eq(setenv("PINNED_CONF", configuration, 1), 0);
	registrar = pinned_watch(add_key, remove_key, registered);
	ck_assert_ptr_nonnull(registrar);
	return registrar;
}

static inline void end(struct pinned_registrar *registrar)
{
	ck_assert_int_eq(pinned_unwatch(registrar), 0);
	ck_assert_uint_eq(adds, removes);
	ck_assert_uint_eq(stale, 0);
}

/* Checks that a pointer has the key that it must have. */
static inline void expect_key(struct pinned_registrar *registrar, const char *ptr)
{
	uint64_t key = 0;

	errno = 0;
	ck_assert_int_eq(pinned_key(registrar, ptr, &key),
			 (long)(CHUNK - (pn_arena_offset(ptr) & PN_CHUNK_MASK)));
	ck_assert_int_eq(errno, 0);
	ck_assert_uint_eq(key, slot_of(ptr) + 7);
	ck_assert_uint_eq(__atomic_load_n(&registered[slot_of(ptr)], __ATOMIC_SEQ_CST), 1);
}

static inline void expect_error(struct pinned_registrar *registrar, const void *ptr, int error)
{
	uint64_t key = 1234;

	errno = 0;
	ck_assert_int_eq(pinned_key(registrar, ptr, &key), -1);
	ck_assert_int_eq(errno, error);
	ck_assert_uint_eq(key, 1234);
}

#endif /* TEST_REGISTRAR_H */
