// SPDX-License-Identifier: GPL-2.0-only
/*
 * The quarantine: what happens to a chunk between its last reference and its return to its source.
 *
 * Most chunks are freed immediately. Two kinds of chunks wait here. A chunk is busy while somebody
 * else has a reference to one of its pages (a pin or a pipe that outlives the owner), or while
 * there is no memory to restore its cache attributes; busy chunks are checked again from time to
 * time. A chunk rests if its physical address was disclosed, and its owner died, or closed the
 * pool, while the chunk was in a slot: a device may still be writing to the chunk. The rest ends
 * quarantine_ms after the last holder in the driver has released the chunk. A chunk that is busy at
 * first rests for what is left of that time. Chunks of both kinds stay charged (quota.c).
 *
 * The rest of a chunk may end early: for a request that the chunk can serve and nothing else can;
 * under memory pressure, if ending the rest makes free memory, including reclaim in the memory
 * cgroup that the chunk is charged to; and when the module is unloaded. A busy chunk is never freed
 * early. When the module is unloaded, pinned pages of the page allocator stay with whoever pins
 * them; a busy chunk of any other source holds a reference to the module.
 *
 * Locks: `lock` covers the lists and their counters, and nests inside all other locks, the
 * list_lru's lock included; the sources are called without `lock`. A chunk on a list belongs to the
 * list alone. A resting chunk of the page allocator is also on the list_lru. Whoever takes a chunk
 * from `resting` owns the chunk, and then removes it from the list_lru.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/delay.h>
#include <linux/jiffies.h>
#include <linux/list.h>
#include <linux/list_lru.h>
#include <linux/memcontrol.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "base.h"
#include "compat.h"
#include "page.h"
#include "quarantine.h"
#include "quota.h"
#include "record.h"
#include "source.h"
#include "stat.h"
#include "trace.h"

#define QUARANTINE_MS_MAX (60 * 60 * 1000)
/*
 * Delay of the first check of busy chunks. Each check doubles the delay; a new busy chunk resets
 * it.
 */
#define BUSY_CHECK_MS 50
#define BUSY_CHECK_MS_MAX 1000
/* At most this many resting chunks are searched for a request with the lock held: 8 GiB. */
#define SEARCH_MAX 4096

static DEFINE_SPINLOCK(lock);
static LIST_HEAD(resting); /* sorted by the end of the rest */
static LIST_HEAD(busy);
static LIST_HEAD(requests);
static unsigned long n_busy, n_freed;
static unsigned long busy_check_ms = BUSY_CHECK_MS;
static unsigned long next_check; /* in jiffies, valid while is_check_planned */
static bool is_check_planned;
static DECLARE_WAIT_QUEUE_HEAD(freed_queue);
static struct shrinker *shrinker;
static bool is_lru_ready;

static unsigned int quarantine_ms = 1000;

static int set_quarantine_ms(const char *text, const struct kernel_param *kp)
{
	unsigned int ms;
	int err = kstrtouint(text, 0, &ms);

	if (err)
		return err;
	if (ms > QUARANTINE_MS_MAX)
		return -EINVAL;
	WRITE_ONCE(quarantine_ms, ms);
	return 0;
}

static const struct kernel_param_ops quarantine_ms_ops = {
	.set = set_quarantine_ms,
	.get = param_get_uint,
};

module_param_cb(quarantine_ms, &quarantine_ms_ops, &quarantine_ms, 0644);
MODULE_PARM_DESC(quarantine_ms, "milliseconds for which chunks of a dead owner stay in quarantine");

/* Returns for how many milliseconds memory of a dead owner rests. */
unsigned int pinned_quarantine_ms(void)
{
	return READ_ONCE(quarantine_ms);
}

static void check_again(struct work_struct *work);
static DECLARE_DELAYED_WORK(check_work, check_again);

/* Schedules check_again() after @delay, unless it will run earlier anyway. */
static void plan_check(unsigned long delay)
{
	unsigned long when = jiffies + delay;

	spin_lock(&lock);
	if (!is_check_planned || time_before(when, next_check)) {
		is_check_planned = true;
		next_check = when;
		mod_delayed_work(system_long_wq, &check_work, delay);
	}
	spin_unlock(&lock);
}

/*
 * Frees a chunk, wakes the requests that wait for free chunks, and drops the reference to the
 * module.
 */
static void free_chunk(struct pinned_chunk *chunk)
{
	bool held = chunk->holds_module;

	pinned_record_free(chunk);
	spin_lock(&lock);
	WRITE_ONCE(n_freed, n_freed + 1);
	spin_unlock(&lock);
	wake_up_all(&freed_queue);
	if (held)
		module_put(THIS_MODULE);
}

/* Busy chunks. */

/*
 * Adds a chunk to `busy`, and schedules the next check. A chunk that goes back to the list (not
 * @is_new) needs this, too: a check that ran in between has not found the chunk on the list.
 */
static void add_busy(struct pinned_chunk *chunk, bool is_new)
{
	unsigned long ms;

	if (!chunk->holds_module && !pinned_record_can_abandon(chunk)) {
		__module_get(THIS_MODULE);
		chunk->holds_module = true;
	}
	spin_lock(&lock);
	list_add_tail(&chunk->node, &busy);
	WRITE_ONCE(n_busy, n_busy + 1);
	if (is_new)
		busy_check_ms = BUSY_CHECK_MS;
	ms = busy_check_ms;
	spin_unlock(&lock);
	plan_check(msecs_to_jiffies(ms));
	if (!is_new)
		return;
	pinned_count(PINNED_BUSY);
	trace_pinned_mem_quarantine(true, pinned_quota_resting(), n_busy);
}

static struct pinned_chunk *take_busy(void)
{
	struct pinned_chunk *chunk;

	spin_lock(&lock);
	chunk = list_first_entry_or_null(&busy, struct pinned_chunk, node);
	if (chunk) {
		list_del_init(&chunk->node);
		WRITE_ONCE(n_busy, n_busy - 1);
	}
	spin_unlock(&lock);
	return chunk;
}

/* Resting chunks. */

/*
 * Adds a chunk to `resting`, sorted by the end of the rest; unless quarantine_ms was changed, an
 * insert is an append.
 */
static void add_resting(struct pinned_chunk *chunk)
{
	unsigned long until = chunk->until;
	bool held = chunk->holds_module;
	struct list_head *after;

	/* When the module is unloaded, pinned_quarantine_exit() can end the rest. */
	chunk->holds_module = false;
	pinned_quota_rest(chunk->account);
	if (chunk->source->is_buddy)
		pinned_lru_add(pinned_record_lru(), &chunk->lru);
	spin_lock(&lock);
	after = resting.prev;
	while (after != &resting &&
	       time_after(list_entry(after, struct pinned_chunk, node)->until, until))
		after = after->prev;
	list_add(&chunk->node, after);
	spin_unlock(&lock);
	pinned_count(PINNED_REST);
	trace_pinned_mem_quarantine(false, pinned_quota_resting(), n_busy);
	plan_check(max_t(long, until - jiffies, 0));
	if (held)
		module_put(THIS_MODULE);
}

/* Frees a chunk that the caller has taken from `resting`. */
static void free_rested(struct pinned_chunk *chunk)
{
	if (chunk->source->is_buddy)
		pinned_lru_del(pinned_record_lru(), &chunk->lru);
	pinned_quota_unrest(chunk->account);
	free_chunk(chunk);
}

/*
 * Takes the first chunk whose rest is over from `resting`. Returns the chunk; NULL if there is
 * none, with @next set to the delay until the first rest ends, if any chunk rests.
 */
static struct pinned_chunk *take_rested(unsigned long *next)
{
	struct pinned_chunk *chunk;
	unsigned long now;

	spin_lock(&lock);
	now = jiffies;
	chunk = list_first_entry_or_null(&resting, struct pinned_chunk, node);
	if (chunk && time_before(now, chunk->until)) {
		*next = chunk->until - now;
		chunk = NULL;
	}
	if (chunk)
		list_del_init(&chunk->node);
	spin_unlock(&lock);
	return chunk;
}

/* Arrival of chunks, and repeated checks. */

static void hold_or_free(struct pinned_chunk *chunk, bool is_new)
{
	if (!pinned_record_can_free(chunk))
		add_busy(chunk, is_new);
	else if (chunk->must_rest && time_before(jiffies, chunk->until))
		add_resting(chunk);
	else
		free_chunk(chunk);
}

/**
 * pinned_quarantine_return() - takes over a chunk that nothing in the driver refers to any more
 * @chunk: the chunk; the caller must not touch it afterwards
 */
void pinned_quarantine_return(struct pinned_chunk *chunk)
{
	chunk->until = jiffies + msecs_to_jiffies(pinned_quarantine_ms());
	hold_or_free(chunk, true);
}

/* Checks each busy chunk once; a chunk that is still busy goes back to the list. */
void pinned_quarantine_check_busy(void)
{
	unsigned long rounds = READ_ONCE(n_busy);
	struct pinned_chunk *chunk;

	while (rounds-- && (chunk = take_busy())) {
		hold_or_free(chunk, false);
		cond_resched();
	}
}

static void check_again(struct work_struct *work)
{
	struct pinned_chunk *chunk;
	unsigned long next = 0;

	spin_lock(&lock);
	is_check_planned = false;
	/* Chunks that are still busy are checked again after twice the last delay. */
	busy_check_ms = min(busy_check_ms * 2, (unsigned long)BUSY_CHECK_MS_MAX);
	spin_unlock(&lock);
	pinned_quarantine_check_busy();
	while ((chunk = take_rested(&next))) {
		free_rested(chunk);
		cond_resched();
	}
	if (next)
		plan_check(next);
}

/**
 * pinned_quarantine_wait() - waits until a chunk is freed
 * @freed: result of pinned_quarantine_freed() from before the caller found that it must wait
 * @deadline: in jiffies; the function does not wait unless a rest ends before @deadline
 *
 * Return: true if a chunk was freed; false at the deadline, or on a fatal signal.
 */
bool pinned_quarantine_wait(unsigned long freed, unsigned long deadline)
{
	long left = deadline - jiffies;
	struct pinned_chunk *first;
	bool is_soon;

	spin_lock(&lock);
	first = list_first_entry_or_null(&resting, struct pinned_chunk, node);
	is_soon = first && time_before(first->until, deadline);
	spin_unlock(&lock);
	if (!is_soon || left <= 0)
		return freed != pinned_quarantine_freed();
	return wait_event_killable_timeout(freed_queue, freed != pinned_quarantine_freed(), left) >
	       0;
}

/* Ending rests early. */

static bool can_serve(const struct pinned_chunk *chunk, const struct pinned_policy *policy)
{
	return chunk->source->id & policy->sources && pinned_page_fits(chunk->page, policy);
}

/*
 * Takes, from `resting`, the chunk that has rested longest of those that can serve @policy and lie
 * between @first_pfn and @last_pfn. Returns NULL if there is none.
 */
static struct pinned_chunk *take_serving(const struct pinned_policy *policy,
					 unsigned long first_pfn, unsigned long last_pfn)
{
	struct pinned_chunk *chunk, *found = NULL;
	unsigned int n = 0;

	spin_lock(&lock);
	list_for_each_entry(chunk, &resting, node) {
		if (++n > SEARCH_MAX)
			break;
		if (page_to_pfn(chunk->page) < first_pfn || page_to_pfn(chunk->page) > last_pfn ||
		    !can_serve(chunk, policy))
			continue;
		list_del_init(&chunk->node);
		found = chunk;
		break;
	}
	spin_unlock(&lock);
	return found;
}

static unsigned long drain_between(const struct pinned_policy *policy, unsigned long first_pfn,
				   unsigned long last_pfn, unsigned long count)
{
	struct pinned_chunk *chunk;
	unsigned long given = 0;

	while (given < count && (chunk = take_serving(policy, first_pfn, last_pfn))) {
		free_rested(chunk);
		given++;
	}
	return given;
}

/*
 * Collects in @pages the first pages of resting chunks that can serve @policy. Returns their
 * number.
 */
static unsigned long collect_serving(const struct pinned_policy *policy, struct page **pages)
{
	struct pinned_chunk *chunk;
	unsigned long n = 0;
	unsigned int searched = 0;

	spin_lock(&lock);
	list_for_each_entry(chunk, &resting, node) {
		if (++searched > SEARCH_MAX)
			break;
		if (can_serve(chunk, policy))
			pages[n++] = chunk->page;
	}
	spin_unlock(&lock);
	return n;
}

/*
 * Ends the rest of @count chunks that form a contiguous run and can serve @policy, which names one
 * source. Returns the number of chunks freed.
 */
static unsigned long drain_run(const struct pinned_policy *policy, unsigned long count)
{
	struct page **pages = kvmalloc_array(SEARCH_MAX, sizeof(*pages), PINNED_GFP);
	unsigned long n, first, pfn, given = 0;

	if (!pages)
		return 0;
	n = collect_serving(policy, pages);
	if (n >= count && pinned_pages_find_run(pages, n, count, &first)) {
		pfn = page_to_pfn(pages[first]);
		given = drain_between(policy, pfn, pfn + (count - 1) * PINNED_CHUNK_PAGES, count);
	}
	kvfree(pages);
	return given;
}

/**
 * pinned_quarantine_drain() - ends the rest of chunks that can serve a request
 * @policy: what the request asks for; @policy->sources are the sources that lack memory
 * @run: if more than 1, frees only this many chunks, and only if they already form a contiguous run
 * @count: maximum number of chunks to free if @run is 1
 *
 * Return: the number of chunks that went back to their sources.
 */
unsigned long pinned_quarantine_drain(const struct pinned_policy *policy, unsigned long run,
				      unsigned long count)
{
	struct pinned_policy one = *policy;
	unsigned long given = 0;

	if (run == 1)
		return drain_between(policy, 0, ULONG_MAX, count);
	for (one.sources = 1; one.sources && !given; one.sources <<= 1)
		if (one.sources & policy->sources)
			given = drain_run(&one, run);
	return given;
}

/* Returns the number of chunks that left the quarantine since the module was loaded. */
unsigned long pinned_quarantine_freed(void)
{
	return READ_ONCE(n_freed);
}

/* Returns the number of busy chunks. */
unsigned long pinned_quarantine_busy(void)
{
	return READ_ONCE(n_busy);
}

/*
 * Requests. A request may make the page allocator reclaim memory, and so call the shrinker. The
 * shrinker then ends no rests, except at the limit of the task's own memory cgroup: the chunks that
 * it would free may be of no use for the request. pinned_quarantine_drain() frees those that are.
 */

void pinned_quarantine_begin_request(struct pinned_request_mark *mark)
{
	mark->task = current;
	spin_lock(&lock);
	list_add(&mark->node, &requests);
	spin_unlock(&lock);
}

void pinned_quarantine_end_request(struct pinned_request_mark *mark)
{
	spin_lock(&lock);
	list_del(&mark->node);
	spin_unlock(&lock);
}

static bool is_requesting(void)
{
	struct pinned_request_mark *mark;
	bool is_found = false;

	spin_lock(&lock);
	list_for_each_entry(mark, &requests, node)
		is_found |= mark->task == current;
	spin_unlock(&lock);
	return is_found;
}

/*
 * Returns true if @memcg is the current task's own memory cgroup, so that this reclaim may be due
 * to the cgroup's limit.
 */
static bool is_own_cgroup(const struct mem_cgroup *memcg)
{
#ifdef CONFIG_MEMCG
	struct mem_cgroup *own = get_mem_cgroup_from_mm(current->mm);
	bool is_own = own && own == memcg && own->css.parent;

	mem_cgroup_put(own);
	return is_own;
#else
	return false;
#endif
}

/* The shrinker: memory pressure, global or in a memory cgroup. It counts in pages. */

static unsigned long count_objects(struct shrinker *s, struct shrink_control *control)
{
	unsigned long chunks;

	if (!smp_load_acquire(&is_lru_ready)) /* pairs with pinned_quarantine_init() */
		return SHRINK_EMPTY;
	chunks = list_lru_shrink_count(pinned_record_lru(), control);
	return chunks ? chunks << PINNED_CHUNK_ORDER : SHRINK_EMPTY;
}

/*
 * Takes a chunk from `resting`, if the chunk is still there, and moves its @lru to the list @arg,
 * for scan_objects() to free it.
 */
static enum lru_status isolate(PINNED_LRU_ISOLATE_ARGUMENTS)
{
	struct pinned_chunk *chunk = container_of(item, struct pinned_chunk, lru);
	bool is_taken;

	spin_lock(&lock);
	is_taken = !list_empty(&chunk->node);
	if (is_taken)
		list_del_init(&chunk->node);
	spin_unlock(&lock);
	if (!is_taken)
		return LRU_SKIP;
	list_lru_isolate_move(list, item, arg);
	return LRU_REMOVED;
}

static unsigned long scan_objects(struct shrinker *s, struct shrink_control *control)
{
	unsigned long chunks = DIV_ROUND_UP(control->nr_to_scan, PINNED_CHUNK_PAGES), freed = 0;
	struct pinned_chunk *chunk;
	LIST_HEAD(given_up);

	if (is_requesting() && !is_own_cgroup(control->memcg))
		return SHRINK_STOP;
	list_lru_walk_one(pinned_record_lru(), control->nid, control->memcg, isolate, &given_up,
			  &chunks);
	while (!list_empty(&given_up)) {
		chunk = list_first_entry(&given_up, struct pinned_chunk, lru);
		list_del_init(&chunk->lru);
		pinned_quota_unrest(chunk->account);
		free_chunk(chunk);
		freed += PINNED_CHUNK_PAGES;
	}
	return freed ?: SHRINK_STOP;
}

int pinned_quarantine_init(void)
{
	int err;

	shrinker = shrinker_alloc(SHRINKER_NUMA_AWARE | SHRINKER_MEMCG_AWARE, "pinned_mem");
	if (!shrinker)
		return -ENOMEM;
	shrinker->count_objects = count_objects;
	shrinker->scan_objects = scan_objects;
	/* The core then asks for one chunk at a time, and never for a part of a chunk. */
	shrinker->batch = PINNED_CHUNK_PAGES;
	shrinker_register(shrinker);
	/* Before 6.7, the list_lru needs the id that the shrinker gets when it is registered. */
	err = list_lru_init_memcg(pinned_record_lru(), shrinker);
	if (err) {
		shrinker_free(shrinker);
		return err;
	}
	/*
	 * Pairs with count_objects(): a reader that sees `true` sees the initialized list_lru, too.
	 */
	smp_store_release(&is_lru_ready, true);
	return 0;
}

/*
 * Frees all chunks that are left. No pool, dma-buf or lent range exists, so no chunk can arrive any
 * more. A chunk that is still busy does not hold the module, so its pages belong to the page
 * allocator, and stay with whoever pins them.
 */
void pinned_quarantine_exit(void)
{
	struct pinned_policy any = {
		.node = NUMA_NO_NODE,
		.allowed = NODE_MASK_ALL,
		.max_phys = U64_MAX,
		.sources = U32_MAX,
	};
	struct pinned_chunk *chunk;

	shrinker_free(shrinker);
	/* A check that runs may still move a chunk from `busy` to `resting`. */
	cancel_delayed_work_sync(&check_work);
	drain_between(&any, 0, ULONG_MAX, ULONG_MAX);
	while ((chunk = take_busy()))
		free_chunk(chunk);
	list_lru_destroy(pinned_record_lru());
}
