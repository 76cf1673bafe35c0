// SPDX-License-Identifier: MIT
/*
 * Initialisation.
 *
 * Lock order, outermost first: the list of heaps, the classes in ascending order, the arena, the
 * profile. Three more locks are acquired while the thread holds no lock, and no lock is acquired
 * inside them: the lock of the list of thread caches, that of the quarantine, and that of the table
 * of retain counts. There is one exception: while a heap is counted, the lock of the list of thread
 * caches is acquired inside that of the list of heaps. The handler that runs before a fork acquires
 * no lock; see fork.c.
 */
#include "front/runtime.h"

#include <errno.h>

#include "chunk/limit.h"
#include "config/conffile.h"
#include "front/fork.h"
#include "front/guarded.h"
#include "front/harden.h"
#include "front/realtime.h"
#include "front/tcache.h"
#include "object/marks.h"
#include "object/retain.h"
#include "os/child.h"
#include "os/random.h"
#include "os/sys.h"
#include "profile/profile.h"

struct pn_runtime pn_runtime;
static const struct pn_runtime not_now = { .error = ENOMEM };
static const uint32_t no = PN_CHILD_NEW, yes = PN_CHILD_SETTLED;
const uint32_t *pn_runtime_is_known = &no;
/* The number of the process that initialises the library, or has done so; 0 before that. */
static uint32_t initialiser;

/* Returns the backends to try, in order, ended by PN_BACKEND_AUTO. */
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

/*
 * With guards, no two chunks touch, and an idle chunk has no memory. A real-time heap has neither
 * property.
 */
static bool has_guards(const struct pn_config *config)
{
	return config->has_guards && !config->realtime;
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
		/* An idle chunk is accessible, so with guards no chunk is kept idle. */
		.decay_ms = has_guards(config) ? 0 : config->decay_ms,
		.idle_chunks = config->idle / PN_CHUNK_SIZE,
		.contiguous_chunks = config->contiguous / PN_CHUNK_SIZE +
				     !!(config->contiguous % PN_CHUNK_SIZE),
	};

	pn_limit_set(config->limit / PN_CHUNK_SIZE);
	pn_retain_set_limit(config->retain_limit);
	pn_heap.pool.has_guards = has_guards(config);
	return pn_heap_init(&pn_heap, &options, kinds_to_try(config));
}

static int start(void)
{
	int err;

	if (!pn_child_start(pn_fork_settle))
		return ENOMEM;
	pn_marks_init();
	err = pn_harden_init(&pn_runtime.config);
	if (err)
		return err;
	pn_profile_start(pn_runtime.config.profile);
	if (pn_harden_frees() || pn_random_is_on || pn_profile_is_on)
		pn_tcache_disable();
	pn_class_init(pn_runtime.config.is_fine);
	/* Guarding an object takes system calls. */
	if (!pn_runtime.config.realtime)
		__atomic_store_n(&pn_guarded_every, pn_runtime.config.guard_every,
				 __ATOMIC_RELAXED);
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
		/*
		 * This variable configures only the library's own calls, and does not ask for the
		 * shim.
		 */
		config->is_given = false;
	}
}

/*
 * Decides which thread initialises the library; the others wait here. Return: true if the caller
 * must do it; false after another thread has done it. If a child was forked during initialisation,
 * one thread of the child begins again. That is safe, because initialisation holds no lock, and
 * repeats whatever is half done.
 */
static bool must_initialise(void)
{
	uint32_t me = pn_sys_process();
	uint32_t who = __atomic_load_n(&initialiser, __ATOMIC_ACQUIRE);

	while (__atomic_load_n(&pn_runtime_is_known, __ATOMIC_ACQUIRE) == &no) {
		if (who == me)
			pn_sys_wait(&initialiser, who);
		else if (__atomic_compare_exchange_n(&initialiser, &who, me, false,
						     __ATOMIC_ACQUIRE, __ATOMIC_ACQUIRE))
			return true;
	}
	return false;
}

static void initialise(void)
{
	configure(&pn_runtime.config);
	pn_runtime.error = start();
	__atomic_store_n(&pn_runtime_is_known, pn_runtime.error ? &yes : pn_child_word,
			 __ATOMIC_RELEASE);
	pn_sys_wake(&initialiser, INT32_MAX);
}

/*
 * Obtains the chunks of a real-time program. Initialisation must not acquire locks, because a child
 * may repeat it, so this comes after it, and other threads may be using the heap already. A child
 * that is forked meanwhile does without these chunks.
 */
static void become_realtime(void)
{
	static bool is_begun;

	if (pn_runtime.config.realtime && !__atomic_exchange_n(&is_begun, true, __ATOMIC_RELAXED))
		pn_runtime.error = pn_realtime_start(pn_runtime.config.realtime);
}

const struct pn_runtime *pn_runtime_get_known(void)
{
	if (must_initialise())
		initialise();
	if (pn_runtime.error)
		return &pn_runtime;
	pn_fork_register();
	if (!pn_child_settle())
		return &not_now;
	become_realtime();
	return &pn_runtime;
}
