/* SPDX-License-Identifier: MIT */
/*
 * Registrars: tables of keys. A registrar makes chunks known to a device or to the kernel, and gets
 * a key for each: a local key of RDMA, the index of a buffer of io_uring. The table contains one
 * entry for each slot, so the key of any pointer is one look-up away.
 *
 * A key is made when the key of a pointer is requested and there is none (pn_registrar_make), and
 * is removed before the chunk is given back (pn_registrars_forget). The functions of the registrar
 * that do so are called without any lock, and while the thread announces no memory (announce.h).
 *
 * The whole registrar lies in memory that the kernel wipes in a forked child, so no child finds a
 * key of its parent.
 */
#ifndef PN_REGISTRAR_H
#define PN_REGISTRAR_H

#include "arena/arena.h"

/* An entry that is not a key + 1: there is no key; and a thread is making or removing the key. */
#define PN_KEY_NONE 0
#define PN_KEY_BUSY UINT64_MAX

/**
 * struct pn_registrar_functions - what the caller of pinned_watch() gave; never changes
 * @add: makes a key; NULL in a forked child of the registrar's process
 * @remove: removes a key
 * @ctx: the first argument of both
 */
struct pn_registrar_functions {
	int (*add)(void *ctx, void *addr, size_t len, uint64_t *key);
	void (*remove)(void *ctx, void *addr, size_t len, uint64_t key);
	void *ctx;
};

/**
 * struct pn_registrar - a registrar
 * @functions: the caller's functions
 * @next: next in the list of registrars
 * @users: how many threads use the record without the lock; the arena's lock covers the count
 * @count: how many entries are neither PN_KEY_NONE nor PN_KEY_BUSY
 * @changes: increases when an entry stops being PN_KEY_BUSY, and when @users decreases
 * @keys: for each slot, its key + 1 or one of the two values above
 */
struct pn_registrar {
	struct pn_registrar_functions functions;
	struct pn_registrar *next;
	size_t users;
	size_t count;
	uint32_t changes;
	uint64_t keys[];
};

/* Returns true if an entry is a key. */
static inline bool pn_registrar_is_key(uint64_t entry)
{
	return entry - 1 < PN_KEY_BUSY - 1;
}

/* Returns the entry of a claimed slot. Takes no lock. */
static inline uint64_t pn_registrar_entry(const struct pn_registrar *registrar, size_t slot)
{
	return __atomic_load_n(&registrar->keys[slot], __ATOMIC_ACQUIRE);
}

/* Makes a registrar without keys, and adds it to the list. Return: NULL without memory. */
struct pn_registrar *pn_registrar_begin(int (*add)(void *, void *, size_t, uint64_t *),
					void (*remove)(void *, void *, size_t, uint64_t),
					void *ctx);
/*
 * Removes all keys of a registrar, and unmaps the registrar. Waits for functions of the registrar
 * that other threads are in. Return: 0; EDEADLK in a function of a registrar.
 */
int pn_registrar_end(struct pn_registrar *registrar);
/*
 * Stores the entry of a claimed slot in *@entry, and first makes the key if there is none. Waits if
 * another thread is making or removing the key. Return: 0; EFAULT if the slot is not in use, or is
 * inherited; ECHILD in a forked child of the registrar's process; EDEADLK if there is no key and
 * the thread holds a lock or is in a function of a registrar; or what the function returned.
 */
int pn_registrar_make(struct pn_registrar *registrar, size_t slot, uint64_t *entry);

/*
 * Removes all keys of LEAVING slots, which the caller made LEAVING in @epoch. The caller holds no
 * lock. Does nothing in a child that was forked since.
 */
void pn_registrars_forget(size_t first, size_t count, uint32_t epoch);
/* In a forked child: forgets all registrars. */
void pn_registrars_in_child(void);
/* Returns how many keys could not be made. */
uint64_t pn_registrars_failures(void);

#endif /* PN_REGISTRAR_H */
