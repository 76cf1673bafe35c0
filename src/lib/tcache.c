// SPDX-License-Identifier: MIT
/*
 * Thread caches: filling, emptying, birth with a thread's first allocation and
 * death with the thread.
 *
 * No pthread key: programs count on theirs. __cxa_thread_atexit_impl runs our
 * destructor before those of keys; what allocates or frees after that finds a
 * cache without room, and goes to the slabs each time.
 *
 * The list of all caches is under one lock. A cache's content belongs to its
 * thread alone; pn_tcache_bytes() reads the counts of others as they go by.
 */
#include "tcache.h"

#include <string.h>

#include "lock.h"
#include "meta.h"

/* Before a thread's first allocation, and after its destructor ran: no room. */
static struct pn_tcache no_cache_yet;
static struct pn_tcache no_cache_any_more;

__thread struct pn_tcache *pn_tcache __attribute__((tls_model("initial-exec"))) = &no_cache_yet;

/* Outside of the slabs' locks; see runtime.c. */
static struct pn_lock lock = PN_LOCK_INIT;
static struct pn_tcache *all;
static struct pn_tcache *unused;

extern void *__dso_handle __attribute__((visibility("hidden")));
extern int __cxa_thread_atexit_impl(void (*destroy)(void *), void *argument, void *dso)
	__attribute__((weak));

/* Filling and emptying. */

static size_t batch_of(const struct pn_bin *bin)
{
	return bin->room / 2 ? bin->room / 2 : 1;
}

/* The older half goes: the newer is warm. */
static void flush_half(struct pn_bin *bin, unsigned int class)
{
	size_t batch = batch_of(bin);

	pn_slab_give(class, bin->objects, batch);
	pn_bin_set_count(bin, bin->count - (uint32_t)batch);
	memmove(bin->objects, bin->objects + batch, bin->count * sizeof(*bin->objects));
}

static void flush_all(struct pn_tcache *cache)
{
	for (unsigned int i = 0; i < PN_CLASSES; i++) {
		struct pn_bin *bin = &cache->bins[i];

		if (!bin->count)
			continue;
		pn_slab_give(i, bin->objects, bin->count);
		pn_bin_set_count(bin, 0);
	}
}

/* Birth and death. */

static void destroy(void *argument)
{
	struct pn_tcache *cache = argument;

	pn_tcache = &no_cache_any_more;
	flush_all(cache);
	pn_lock(&lock);
	if (cache->prev)
		cache->prev->next = cache->next;
	else
		all = cache->next;
	if (cache->next)
		cache->next->prev = cache->prev;
	cache->next = unused;
	unused = cache;
	pn_unlock(&lock);
}

static size_t stacks_size(void)
{
	size_t objects = 0;

	for (size_t i = 0; i < PN_CLASSES; i++)
		objects += pn_classes[i].cached;
	return objects * sizeof(void *);
}

static struct pn_tcache *make_cache(void)
{
	struct pn_tcache *cache = pn_meta_alloc(sizeof(*cache) + stacks_size());
	void **objects;

	if (!cache)
		return NULL;
	objects = (void **)(cache + 1);
	for (size_t i = 0; i < PN_CLASSES; i++) {
		cache->bins[i].objects = objects;
		cache->bins[i].room = pn_classes[i].cached;
		objects += pn_classes[i].cached;
	}
	return cache;
}

static struct pn_tcache *enlist_cache(void)
{
	struct pn_tcache *cache;

	pn_lock(&lock);
	cache = unused;
	if (cache)
		unused = cache->next;
	else
		cache = make_cache();
	if (cache) {
		cache->prev = NULL;
		cache->next = all;
		if (all)
			all->prev = cache;
		all = cache;
	}
	pn_unlock(&lock);
	return cache;
}

/*
 * Registering allocates a record, by malloc: with the cache in place first, that
 * is an allocation like any other. Where the C library cannot tell of a thread's
 * end there is no cache, since what it holds would be lost.
 */
static void begin(void)
{
	struct pn_tcache *cache;

	if (pn_tcache != &no_cache_yet || !__cxa_thread_atexit_impl)
		return;
	cache = enlist_cache();
	if (!cache)
		return;
	pn_tcache = cache;
	if (__cxa_thread_atexit_impl(destroy, cache, &__dso_handle))
		destroy(cache);
}

/* The slow paths. */

static void *take_one(unsigned int class)
{
	void *object;

	if (!pn_slab_take(class, &object, 1))
		return NULL;
	pn_slab_set_live(object);
	return object;
}

void *pn_tcache_refill(unsigned int class)
{
	struct pn_bin *bin;

	begin();
	bin = &pn_tcache->bins[class];
	/* begin() may have allocated, and so filled it. */
	if (!bin->room || bin->count)
		return bin->count ? pn_tcache_pop(class) : take_one(class);
	pn_bin_set_count(bin, (uint32_t)pn_slab_take(class, bin->objects, batch_of(bin)));
	return pn_tcache_pop(class);
}

void pn_tcache_overflow(unsigned int class, void *object)
{
	struct pn_bin *bin;

	begin();
	bin = &pn_tcache->bins[class];
	if (!bin->room) {
		pn_slab_give(class, &object, 1);
		return;
	}
	if (bin->count == bin->room)
		flush_half(bin, class);
	pn_tcache_push(class, object);
}

void pn_tcache_flush(void)
{
	flush_all(pn_tcache);
}

/* Figures and fork. */

uint64_t pn_tcache_bytes(void)
{
	uint64_t bytes = 0;

	pn_lock(&lock);
	for (struct pn_tcache *cache = all; cache; cache = cache->next)
		for (size_t i = 0; i < PN_CLASSES; i++)
			bytes +=
				(uint64_t)__atomic_load_n(&cache->bins[i].count, __ATOMIC_RELAXED) *
				pn_classes[i].size;
	pn_unlock(&lock);
	return bytes;
}

void pn_tcache_lock(void)
{
	pn_lock(&lock);
}

void pn_tcache_unlock(void)
{
	pn_unlock(&lock);
}

void pn_tcache_in_child(bool is_inherited)
{
	struct pn_tcache *mine = pn_tcache;

	pn_lock_reset(&lock);
	if (mine == &no_cache_yet || mine == &no_cache_any_more) {
		all = NULL;
		return;
	}
	all = mine;
	mine->prev = NULL;
	mine->next = NULL;
	if (!is_inherited)
		return;
	for (size_t i = 0; i < PN_CLASSES; i++)
		pn_bin_set_count(&mine->bins[i], 0);
}
