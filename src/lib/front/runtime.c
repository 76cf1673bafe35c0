// SPDX-License-Identifier: MIT
/*
 * Initialisation and fork.
 *
 * Lock order, outermost first: initialisation, the list of heaps, the list of
 * thread caches, freed objects that wait, the heaps' own locks, the slabs' classes in
 * ascending order, the arena, who is retained, the profile, the records (meta.c). fork
 * takes all of them in that order, so that the child finds nothing half-done; what
 * happens when a signal handler forks inside a locked section is told in lock.h.
 *
 * A child made by clone() or _Fork() runs no atfork handler, and handlers that
 * were registered before ours run before it. Both are recognised at the first
 * slow path by a word that the kernel wiped; until then the child can only use what
 * the thread that forked had cached, which is its own copy and which no table
 * translates any more. As with any allocator, what another thread was changing
 * under a lock that nobody took for the fork may be lost.
 */
#include "front/runtime.h"

#include <errno.h>
#include <pthread.h>

#include "backend/devices.h"
#include "chunk/empty.h"
#include "config/conffile.h"
#include "front/harden.h"
#include "front/heaps.h"
#include "front/tcache.h"
#include "object/retain.h"
#include "object/slab.h"
#include "os/lock.h"
#include "os/meta.h"
#include "os/random.h"
#include "os/sys.h"
#include "profile/profile.h"

/* What pthread_atfork calls; by its own name, since other C libraries do not have it. */
extern int __register_atfork(void (*before)(void), void (*in_parent)(void), void (*in_child)(void),
			     void *dso) __attribute__((weak));
extern void *__dso_handle __attribute__((visibility("hidden")));

__thread struct pn_lock_thread pn_lock_thread __attribute__((tls_model("initial-exec")));

static struct pn_lock lock = PN_LOCK_INIT;
struct pn_runtime pn_runtime;
static const uint32_t no = 0, yes = 1;
const uint32_t *pn_runtime_is_known = &no;
/* 1, and 0 in a forked child that has not been seen to. */
static uint32_t *known_process;

static void lock_all(void)
{
	pn_lock(&lock);
	pn_heaps_lock();
	pn_tcache_lock();
	pn_harden_lock();
	pn_heaps_lock_slabs();
	pn_arena_lock();
	pn_retain_lock();
	pn_profile_lock();
	pn_meta_lock();
}

static void unlock_all(void)
{
	pn_meta_unlock();
	pn_profile_unlock();
	pn_retain_unlock();
	pn_arena_unlock();
	pn_heaps_unlock_slabs();
	pn_harden_unlock();
	pn_tcache_unlock();
	pn_heaps_unlock();
	pn_unlock(&lock);
}

/* Give up what is the parent's, once. */
static void see_to_child(void)
{
	bool is_inherited;

	pn_lock_reset(&lock);
	pn_heaps_reset_lock();
	pn_meta_reset_lock();
	pn_profile_reset_lock();
	pn_arena_reset_lock();
	pn_devices_in_child();
	is_inherited = pn_heaps_in_child();
	pn_retain_in_child(is_inherited);
	pn_harden_in_child(is_inherited);
	pn_tcache_in_child(is_inherited);
	__atomic_store_n(known_process, 1, __ATOMIC_RELAXED);
}

static bool is_unknown_process(void)
{
	return known_process && !__atomic_load_n(known_process, __ATOMIC_RELAXED);
}

static void before_fork(void)
{
	struct pn_lock_thread *me = &pn_lock_thread;

	if (me->forks++ || me->held)
		return;
	lock_all();
	me->has_all = true;
}

/* Return: true in the outermost fork that took the locks, which can be released now. */
static bool is_end_of_fork(void)
{
	struct pn_lock_thread *me = &pn_lock_thread;

	if (--me->forks || !me->has_all)
		return false;
	me->has_all = false;
	return true;
}

static void after_fork_in_parent(void)
{
	struct pn_heap *heap;

	pn_heaps_for_each(heap)
		pn_heap_after_fork(heap);
	if (is_end_of_fork())
		unlock_all();
}

/* The child has its own copies of the locks, held by this thread. */
static void after_fork_in_child(void)
{
	if (is_unknown_process())
		see_to_child();
	if (is_end_of_fork())
		unlock_all();
}

static const enum pn_backend_kind *kinds_to_try(const struct pn_config *config)
{
	static const enum pn_backend_kind every[] = {
		PN_BACKEND_DEVICE,
		PN_BACKEND_HUGETLB,
		PN_BACKEND_ANON,
		PN_BACKEND_AUTO,
	};
	static enum pn_backend_kind one[] = { PN_BACKEND_AUTO, PN_BACKEND_AUTO };

	if (config->backend == PN_BACKEND_AUTO)
		return config->is_given && pn_flavour.automatic ? pn_flavour.automatic : every;
	one[0] = config->backend;
	return one;
}

static int start_heap(const struct pn_config *config)
{
	const struct pn_heap_options options = {
		.memory = {
			.type = config->memory_type,
			.node = config->node,
			.max_phys = PN_PHYS_UNKNOWN,
		},
		.limit_chunks = UINT64_MAX,
		/* An empty chunk that is kept would be no guard. */
		.decay_ms = config->has_guards ? 0 : config->decay_ms,
	};

	pn_empty_set_limit(config->limit / PN_CHUNK_SIZE);
	pn_retain_set_limit(config->retain_limit);
	pn_heap.pool.has_guards = config->has_guards;
	return pn_heap_init(&pn_heap, &options, kinds_to_try(config));
}

static int start(void)
{
	int err;

	known_process = pn_sys_table(4096);
	if (!known_process || !pn_sys_wipe_on_fork(known_process, 4096))
		return ENOMEM;
	*known_process = 1;
	err = pn_harden_init(&pn_runtime.config);
	if (err)
		return err;
	pn_profile_start(pn_runtime.config.profile);
	if (pn_harden_frees() || pn_random_is_on || pn_profile_is_on)
		pn_tcache_disable();
	pn_class_init(pn_runtime.config.is_fine);
	err = start_heap(&pn_runtime.config);
	if (err)
		return err;
	err = pn_arena_init();
	if (err)
		pn_heap_close(&pn_heap);
	return err;
}

static void configure(struct pn_config *config)
{
	pn_config_read(config, pn_flavour.variable);
	if (!config->is_given && pn_flavour.file)
		pn_conffile_ask(config, pn_flavour.file, pn_flavour.off_file, false);
	if (!config->is_given && pn_flavour.library_variable) {
		pn_config_read(config, pn_flavour.library_variable);
		/* Of the library's own calls, not of malloc. */
		config->is_given = false;
	}
}

/* Registered after the lock is let go: it may allocate. */
static void initialise(void)
{
	bool is_first = false;

	pn_lock(&lock);
	if (pn_runtime_is_known == &no) {
		configure(&pn_runtime.config);
		pn_runtime.error = start();
		__atomic_store_n(&pn_runtime_is_known, pn_runtime.error ? &yes : known_process,
				 __ATOMIC_RELEASE);
		is_first = true;
	}
	pn_unlock(&lock);
	if (is_first && !pn_runtime.error && __register_atfork)
		__register_atfork(before_fork, after_fork_in_parent, after_fork_in_child,
				  &__dso_handle);
}

void pn_runtime_get_known(void)
{
	if (__atomic_load_n(&pn_runtime_is_known, __ATOMIC_ACQUIRE) == &no)
		initialise();
	if (!pn_runtime.error && is_unknown_process())
		see_to_child();
}
