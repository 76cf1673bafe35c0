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

long pinned_key(struct pinned_registrar *registrar, const void *ptr, uint64_t *key)
{
	size_t offset = pn_arena_offset(ptr), slot = offset >> PN_CHUNK_SHIFT;
	uint64_t entry;
	int err;

	if (pn_unlikely(offset >= pn_arena_size())) {
		errno = EFAULT;
		return -1;
	}
	entry = pn_registrar_entry(registrar_of(registrar), slot);
	if (pn_unlikely(!pn_registrar_is_key(entry))) {
		err = pn_registrar_make(registrar_of(registrar), slot, &entry);
		if (err) {
			errno = err;
			return -1;
		}
	}
	*key = entry - 1;
	return (long)(PN_CHUNK_SIZE - (offset & PN_CHUNK_MASK));
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
