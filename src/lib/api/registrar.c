// SPDX-License-Identifier: MIT
/* The public functions for registrars: pinned_watch(), pinned_unwatch(), pinned_key(). */
#include <errno.h>

#include "chunk/registrar.h"
#include "front/runtime.h"
#include "pinned.h"

static struct pn_registrar *registrar_of(struct pinned_registrar *handle)
{
	return (struct pn_registrar *)(void *)handle;
}

/* Returns how many bytes from the arena's byte @offset on are in the same chunk. */
static long rest_of_chunk(size_t offset)
{
	return (long)(PN_CHUNK_SIZE - (offset & PN_CHUNK_MASK));
}

/* The slow path of pinned_key(): @ptr has no key. */
static PN_NOINLINE long make_key(struct pn_registrar *registrar, const void *ptr, uint64_t *key)
{
	size_t offset = pn_arena_offset(ptr);
	uint64_t entry;
	int err = EFAULT;

	if (offset < pn_arena_size())
		err = pn_registrar_make(registrar, offset >> PN_CHUNK_SHIFT, &entry);
	if (err) {
		errno = err;
		return -1;
	}
	*key = entry - 1;
	return rest_of_chunk(offset);
}

long pinned_key(struct pinned_registrar *registrar, const void *ptr, uint64_t *key)
{
	size_t offset = pn_arena_offset(ptr);
	uint64_t entry;

	if (pn_unlikely(offset >= pn_arena_size()))
		return make_key(registrar_of(registrar), ptr, key);
	entry = pn_registrar_entry(registrar_of(registrar), offset >> PN_CHUNK_SHIFT);
	if (pn_unlikely(!pn_registrar_is_key(entry)))
		return make_key(registrar_of(registrar), ptr, key);
	*key = entry - 1;
	return rest_of_chunk(offset);
}

struct pinned_registrar *
pinned_watch(int (*add)(void *ctx, void *addr, size_t len, uint64_t *key),
	     void (*remove)(void *ctx, void *addr, size_t len, uint64_t key), void *ctx)
{
	struct pn_registrar *registrar = NULL;
	int err = add && remove ? pn_runtime_enter()->error : EINVAL;

	if (!err) {
		registrar = pn_registrar_begin(add, remove, ctx);
		err = registrar ? 0 : ENOMEM;
	}
	if (err)
		errno = err;
	return (struct pinned_registrar *)(void *)registrar;
}

int pinned_unwatch(struct pinned_registrar *registrar)
{
	int err = registrar ? pn_registrar_end(registrar_of(registrar)) : 0;

	if (!err)
		return 0;
	errno = err;
	return -1;
}
