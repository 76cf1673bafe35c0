// SPDX-License-Identifier: MIT
/*
 * Thread caches: filling and emptying them, making one at a thread's first allocation, and giving
 * it up at the thread's end. bins.c decides how much a cache may hold.
 *
 * As a rule we use no pthread key, because programs count on having all of them.
 * __cxa_thread_atexit_impl() runs our destructor before the destructors of keys; whatever allocates
 * or frees after that finds a cache without room, and takes the slow path each time. But
 * __cxa_thread_atexit_impl() waits for the dynamic linker's lock. dlopen() holds that lock while it
 * runs constructors, and a constructor may wait for the new thread. So in a process that has called
 * dlopen(), one key has our destructor for the threads that begin later.
 *
 * One lock covers the list of all caches. Only the thread that owns a cache uses the cache's
 * contents; pn_tcache_bytes() reads the counts of other threads' caches while they change.
 */
#include "front/tcache.h"

#include <pthread.h>
#include <string.h>

#include "chunk/idle.h"
#include "front/guarded.h"
#include "front/harden.h"
#include "object/central.h"
#include "os/confined.h"
#include "os/lock.h"
#include "os/meta.h"
#include "os/probe.h"
#include "os/sys.h"
#include "os/watch.h"
#include "profile/profile.h"

#define BATCH_MAX 128

/* The fewest and the most objects of a class that a thread needs before it owns slabs. */
#define FEW_MIN 16
#define FEW 64

/*
 * Larger medium objects are not cached: each of them would keep a chunk, and writing to such an
 * object takes far longer than the locks that a cache spares.
 */
#define CACHED_PAGES_MAX (PN_CHUNK_PAGES / 2)

/* How many frees lie between two looks at the clock, and the time between two tidyings. */
#define TIDY_FREES 4096
#define TIDY_MS 250

/* How many medium objects are taken from other threads' caches at once. */
#define ROBBED_MAX 64

/*
 * The caches of a thread before its first allocation, and after its destructor ran: they have no
 * room.
 */
static struct pn_tcache no_cache_yet;
static struct pn_tcache no_cache_any_more;

__thread struct pn_tcache *pn_tcache __attribute__((tls_model("initial-exec"))) = &no_cache_yet;

/* Covers the lists of caches. runtime.c describes the lock order. */
static struct pn_lock lock = PN_LOCK_INIT;
static struct pn_tcache *all;
static struct pn_tcache *unused;
PN_WATCH_VARIABLE(tcaches, all);
static bool is_disabled;
static pthread_key_t key;
static bool has_key;

extern void *__dso_handle __attribute__((visibility("hidden")));
extern int __cxa_thread_atexit_impl(void (*destroy)(void *), void *argument, void *dso)
	__attribute__((weak));

/* Returns how many frees lie between two calls of pn_tcache_tidy(). */
static uint32_t frees_until_tidy(void)
{
	return pn_guarded_at_most(TIDY_FREES);
}

/* The beginning and the end of a cache. */

/* Returns the thread's cache; NULL if the thread has none. */
static struct pn_tcache *cache_of_thread(void)
{
	struct pn_tcache *cache = pn_tcache;

	return cache == &no_cache_yet || cache == &no_cache_any_more ? NULL : cache;
}

static void delist_locked(struct pn_tcache *cache)
{
	pn_lock_assert_held(&lock);
	pn_assert((cache->prev ? cache->prev->next : all) == cache);
	pn_assert(!cache->next || cache->next->prev == cache);
	if (cache->prev)
		cache->prev->next = cache->next;
	else
		all = cache->next;
	if (cache->next)
		cache->next->prev = cache->prev;
}

static void add_unused_locked(struct pn_tcache *cache)
{
	pn_lock_assert_held(&lock);
	cache->next = unused;
	unused = cache;
}

/* Calls a function under the lock, unless the process was forked since the cache was made. */
static void with_lock(void (*function_locked)(struct pn_tcache *), struct pn_tcache *cache)
{
	pn_lock(&lock);
	if (cache->owner.epoch == pn_arena.epoch)
		function_locked(cache);
	pn_unlock(&lock);
}

/* No other thread finds the cache after it has left the list, so none uses its medium bins. */
static void end_cache(struct pn_tcache *cache)
{
	with_lock(delist_locked, cache);
	pn_bin_leave_medium(cache);
	pn_bin_flush_all(cache);
	pn_owner_end(&cache->owner);
	for (unsigned int i = 0; i < PN_BINS; i++)
		if (cache->bins[i].room)
			pn_bin_set_room(cache, i, 0);
	pn_assert(!cache->granted && !cache->medium_granted && !cache->medium_bytes);
	with_lock(add_unused_locked, cache);
}

/*
 * Gives up the cache that the thread has when it ends, which may be another one than the cache for
 * which the destructor was registered.
 */
static void give_up_cache(void)
{
	struct pn_tcache *cache = cache_of_thread();

	pn_tcache = &no_cache_any_more;
	if (cache)
		end_cache(cache);
}

/* The destructor. The chunks that become idle may be too many, and no other call may follow. */
static void destroy(void *nothing)
{
	(void)nothing;
	give_up_cache();
	if (pn_idle_is_due())
		pn_idle_give_due();
}

static struct pn_tcache *enlist_cache(void)
{
	struct pn_tcache *cache;

	pn_lock(&lock);
	cache = unused;
	if (cache)
		unused = cache->next;
	else
		cache = pn_meta_alloc(sizeof(*cache));
	if (cache) {
		cache->owner.epoch = pn_arena.epoch;
		cache->owns_at_once = !all;
		cache->frees = frees_until_tidy();
		memset(cache->needed, 0, sizeof(cache->needed));
		cache->prev = NULL;
		cache->next = all;
		if (all)
			all->prev = cache;
		all = cache;
	}
	pn_unlock(&lock);
	/* Needs other locks, inside of which the list's lock may be acquired. */
	if (cache)
		pn_owner_begin(&cache->owner);
	return cache;
}

/*
 * Gives the thread a cache. A signal handler may fork, and settle the child, before the cache is in
 * place. In the child, that cache is the parent's, so the thread gets another one. Return: false if
 * there is no memory.
 */
static bool set_cache(void)
{
	struct pn_tcache *cache;

	do {
		cache = enlist_cache();
		if (!cache)
			return false;
		pn_tcache = cache;
		/* From here on, settling a child takes the cache from the thread. */
		__atomic_signal_fence(__ATOMIC_SEQ_CST);
	} while (cache->owner.epoch != __atomic_load_n(&pn_arena.epoch, __ATOMIC_RELAXED));
	return true;
}

/* Registers the destructor for this thread. Return: 0, or an error. */
static int register_end(void)
{
	/* A key's destructor runs only if its value is not NULL. */
	if (__atomic_load_n(&has_key, __ATOMIC_ACQUIRE) && !pthread_setspecific(key, &key))
		return 0;
	return __cxa_thread_atexit_impl(destroy, NULL, &__dso_handle);
}

void pn_tcache_expect_dlopen(void)
{
	static bool is_asked;

	if (!__atomic_exchange_n(&is_asked, true, __ATOMIC_RELAXED) &&
	    !pthread_key_create(&key, destroy))
		__atomic_store_n(&has_key, true, __ATOMIC_RELEASE);
}

/*
 * Makes a cache for a thread that has none yet. Registering the destructor allocates memory by
 * malloc; the cache is in place before, so that this is an allocation like any other. There is no
 * cache where the C library cannot run a destructor at the end of a thread, since the objects in
 * the cache would be lost; nor after pn_tcache_disable().
 */
static void begin_cache(void)
{
	static __thread bool is_registered __attribute__((tls_model("initial-exec")));

	if (pn_likely(pn_tcache != &no_cache_yet) || is_disabled || !__cxa_thread_atexit_impl)
		return;
	pn_confined_note_thread();
	if (!set_cache() || is_registered)
		return;
	is_registered = true;
	if (register_end())
		give_up_cache();
}

void pn_tcache_disable(void)
{
	is_disabled = true;
}

/*
 * The slow paths. A signal handler may fork, and settle the child, at any point of a slow path. So
 * each of them loads pn_tcache only once.
 */

/* Makes room in a full bin. Return: false if the bin has no room at all, and gets none. */
static bool grow_or_flush(struct pn_tcache *cache, unsigned int index)
{
	struct pn_bin *bin = &cache->bins[index];

	if (pn_bin_grow(cache, index, pn_bin_note_alternation(cache, index, true)))
		return true;
	if (!bin->room)
		return false;
	pn_bin_flush_oldest(cache, index, bin->room - bin->room / 2);
	return true;
}

/* Makes room for one more object in a bin of small objects. Return: as grow_or_flush(). */
static bool make_room(struct pn_tcache *cache, unsigned int index)
{
	struct pn_bin *bin = &cache->bins[index];

	if (bin->count < bin->room)
		return true;
	pn_bin_note_slow_path(cache, index);
	if (index >= PN_BIN_OTHERS && bin->room) {
		pn_bin_flush_oldest(cache, index, bin->count);
		return true;
	}
	return grow_or_flush(cache, index);
}

/* Allocates one object without a cache. */
static void *take_one(unsigned int class)
{
	struct pn_free taken;

	if (!pn_central_take(&pn_heap, class, &taken, 1))
		return NULL;
	pn_harden_check(&taken);
	pn_free_set_live(&taken);
	return taken.object;
}

/*
 * Return: true if the thread takes objects of the class from slabs of its own. A thread does so
 * after it has needed some objects of the class, so that many threads that need a few objects each
 * share slabs. The first thread has no other thread to share with, and owns slabs at once.
 */
static bool uses_own_slabs(const struct pn_tcache *cache, unsigned int class)
{
	unsigned int few = pn_classes[class].count / 4;

	if (few < FEW_MIN)
		few = FEW_MIN;
	return cache->owns_at_once || cache->needed[class] >= (few < FEW ? few : FEW);
}

static void count_needed(struct pn_tcache *cache, unsigned int class, size_t count)
{
	if (cache->needed[class] < FEW)
		cache->needed[class] += (uint16_t)count;
}

static uint32_t take_batch(struct pn_tcache *cache, unsigned int class, struct pn_free *objects,
			   uint32_t batch)
{
	size_t got;

	if (uses_own_slabs(cache, class))
		return (uint32_t)pn_owner_take(&cache->owner, class, objects, batch);
	got = pn_central_take(&pn_heap, class, objects, batch);
	count_needed(cache, class, got);
	return (uint32_t)got;
}

static void fill_bin(struct pn_tcache *cache, unsigned int class)
{
	struct pn_bin *bin = &cache->bins[class];
	uint32_t batch = pn_bin_count_fitting(PN_BATCH_BYTES, pn_classes[class].size, BATCH_MAX);

	if (batch > bin->room)
		batch = bin->room;
	pn_bin_set_count(bin, take_batch(cache, class, bin->objects, batch));
	pn_bin_mark(bin, class);
	cache->filled = (uint8_t) class;
	PN_PROBE3(refill, pn_classes[class].size, bin->count, bin->room);
}

/*
 * Takes an object that the thread has freed and whose slab the thread does not own, if the thread
 * owns no slabs of the class: such an object is likely to be in the CPU's caches. Return: a live
 * object, or NULL.
 */
static void *pop_others(struct pn_tcache *cache, unsigned int class)
{
	if (uses_own_slabs(cache, class))
		return NULL;
	count_needed(cache, class, 1);
	return pn_bin_pop(&cache->bins[PN_BIN_OTHERS + class]);
}

void *pn_tcache_refill(unsigned int class)
{
	struct pn_tcache *cache;
	void *object;

	begin_cache();
	cache = cache_of_thread();
	if (!cache)
		return take_one(class);
	pn_bin_check_newest(cache, class);
	/* begin_cache() may have allocated, and so filled the bin. */
	if (!cache->bins[class].count) {
		object = pop_others(cache, class);
		if (object)
			return object;
		pn_bin_note_slow_path(cache, class);
		pn_bin_grow(cache, class, pn_bin_note_alternation(cache, class, false));
		if (!cache->bins[class].room)
			return take_one(class);
		fill_bin(cache, class);
	}
	return pn_bin_pop(&cache->bins[class]);
}

void *pn_tcache_pop_medium(size_t size)
{
	unsigned int index = PN_BIN_MEDIUM + pn_medium_bin(pn_medium_pages(size));
	struct pn_tcache *cache = pn_tcache;
	void *object;

	if (!__atomic_load_n(&cache->medium_bytes, __ATOMIC_RELAXED) || !pn_bin_enter_medium(cache))
		return NULL;
	object = pn_bin_pop_fitting(cache, index, size);
	if (!object && index + 1 != PN_BIN_OTHERS)
		object = pn_bin_pop_fitting(cache, index + 1, size);
	/* The bin may grow the next time that it is full, although it may contain smaller objects. */
	if (!object)
		pn_bin_note_alternation(cache, index, false);
	pn_bin_leave_medium(cache);
	return object;
}

/*
 * Makes room for one more object in a bin of the thread's cache. Return: the cache; NULL if the
 * thread has none.
 */
static struct pn_tcache *cache_with_room(unsigned int index)
{
	struct pn_tcache *cache;

	begin_cache();
	cache = cache_of_thread();
	return cache && make_room(cache, index) ? cache : NULL;
}

/* The caller has entered the medium bins. Return: false if there is no room. */
static bool push_medium(struct pn_tcache *cache, unsigned int index, struct pn_slab *object)
{
	if (!pn_bin_push(&cache->bins[index], pn_arena_at(object->offset), object->state))
		return false;
	pn_bin_count_medium(cache, object->size);
	cache->newest_medium = (uint8_t)index;
	return true;
}

/* The same after a slow path has made room. Return: false if there can be none. */
static bool push_medium_slowly(struct pn_tcache *cache, unsigned int index, struct pn_slab *object)
{
	bool is_pushed;

	if (cache->owner.epoch != object->epoch)
		return false;
	pn_bin_note_slow_path(cache, index);
	if (!pn_bin_enter_medium(cache))
		return false;
	is_pushed = grow_or_flush(cache, index) && push_medium(cache, index, object);
	pn_bin_leave_medium(cache);
	return is_pushed;
}

void pn_tcache_push_medium(struct pn_slab *object)
{
	unsigned int index = PN_BIN_MEDIUM + pn_medium_bin(object->pages);
	struct pn_tcache *cache;
	bool is_pushed = false;

	begin_cache();
	cache = cache_of_thread();
	if (cache && object->pages <= CACHED_PAGES_MAX && pn_bin_enter_medium(cache)) {
		is_pushed = push_medium(cache, index, object);
		pn_bin_leave_medium(cache);
		is_pushed = is_pushed || push_medium_slowly(cache, index, object);
	}
	if (!is_pushed)
		pn_medium_free(pn_arena_at(object->offset));
}

/* Return: true if the thread owns the slab, or adopts it because nobody owns it. */
static bool owns_or_adopts(struct pn_tcache *cache, struct pn_slab *slab)
{
	if (pn_slab_owner(slab) == &cache->owner)
		return true;
	return pn_slab_is_unowned(slab) && uses_own_slabs(cache, slab->class) &&
	       pn_owner_adopt(&cache->owner, slab);
}

/*
 * Empties the bin of a class if the thread's next object is to be guarded, so that the next request
 * takes a slow path. Return: false if it is not.
 */
static bool make_way_for_guard(struct pn_tcache *cache, unsigned int class)
{
	if (!pn_guarded_is_due())
		return false;
	pn_bin_flush_oldest(cache, class, cache->bins[class].count);
	return true;
}

void pn_tcache_free(struct pn_slab *slab, void *object, uint8_t *state)
{
	unsigned int index = slab->class;
	struct pn_tcache *cache;

	begin_cache();
	cache = cache_of_thread();
	if (cache && !owns_or_adopts(cache, slab))
		index += PN_BIN_OTHERS;
	cache = cache_with_room(index);
	if (cache && cache->owner.epoch == slab->epoch && !make_way_for_guard(cache, slab->class))
		pn_bin_push(&cache->bins[index], object, state);
	else
		pn_central_give(&pn_heap, slab->class, &(struct pn_free){ object, state }, 1);
}

/* Takes medium objects from the caches of all threads. Return: how many. */
static size_t rob_all(void **objects, size_t most)
{
	size_t got = 0;

	pn_lock(&lock);
	for (struct pn_tcache *cache = all; cache && got < most; cache = cache->next)
		got += pn_bin_rob_medium(cache, objects + got, most - got);
	pn_unlock(&lock);
	return got;
}

static bool flush_medium_of_all(void)
{
	void *objects[ROBBED_MAX];
	bool was_any = false;
	size_t got;

	while ((got = rob_all(objects, ROBBED_MAX))) {
		for (size_t i = 0; i < got; i++)
			pn_medium_free(objects[i]);
		was_any = true;
	}
	return was_any;
}

bool pn_tcache_flush(void)
{
	struct pn_tcache *cache = pn_tcache;
	bool was_cached = pn_bin_flush_all(cache), was_kept = pn_owner_purge(&cache->owner);

	return flush_medium_of_all() || was_cached || was_kept;
}

void pn_tcache_tidy(void)
{
	struct pn_tcache *cache = cache_of_thread();
	uint64_t now;

	if (!cache)
		return;
	cache->frees = frees_until_tidy();
	pn_guarded_count(cache->frees);
	now = pn_sys_now_ms();
	if (now - cache->tidied_ms < TIDY_MS)
		return;
	cache->tidied_ms = now;
	pn_bin_shrink_unused(cache);
	/* The caller gives back a few chunks only, so look for more after the next TIDY_FREES. */
	if (pn_idle_check(&pn_heap))
		cache->tidied_ms = now - TIDY_MS;
}

/* Figures and fork. */

static void add_to_census(struct pn_tcache_census *census, const struct pn_tcache *cache)
{
	census->caches++;
	census->medium_bytes += __atomic_load_n(&cache->medium_bytes, __ATOMIC_RELAXED);
	for (unsigned int i = 0; i < PN_CLASSES; i++)
		census->objects[i] +=
			__atomic_load_n(&cache->bins[i].count, __ATOMIC_RELAXED) +
			__atomic_load_n(&cache->bins[PN_BIN_OTHERS + i].count, __ATOMIC_RELAXED);
}

void pn_tcache_count(struct pn_tcache_census *census)
{
	*census = (struct pn_tcache_census){ 0 };
	if (!pn_lock_inside(&lock))
		return;
	for (struct pn_tcache *cache = all; cache; cache = cache->next)
		add_to_census(census, cache);
	pn_unlock(&lock);
}

uint64_t pn_tcache_bytes(void)
{
	struct pn_tcache_census census;
	uint64_t bytes;

	pn_tcache_count(&census);
	bytes = census.medium_bytes;
	for (unsigned int i = 0; i < PN_CLASSES; i++)
		bytes += census.objects[i] * pn_classes[i].size;
	return bytes;
}

/*
 * The thread also gives up its own cache, whose contents are inherited; its next slow path makes a
 * new one. A signal handler may have forked while the thread was using its cache. The interrupted
 * function then goes on with the old cache, whose address it has loaded.
 */
void pn_tcache_in_child(void)
{
	pn_lock_reset(&lock);
	all = NULL;
	unused = NULL;
	pn_bin_in_child();
	if (cache_of_thread())
		pn_tcache = &no_cache_yet;
}
