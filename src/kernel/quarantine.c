// SPDX-License-Identifier: GPL-2.0-only
/*
 * The way of a chunk from its last user back to its source.
 *
 * Most chunks go at once. Two kinds wait here. A chunk is busy while somebody else has a reference
 * to one of its pages (a pin or a pipe that outlives the owner), or while there is no memory to
 * restore its cache attributes; it is looked at again from time to time. A chunk rests for
 * quarantine_ms when its owner died after it had been told the physical address, since a device may
 * still be writing to it. A chunk that is busy does not rest before it is free for that. Both stay
 * charged (quota.c).
 *
 * What rests may be given up early: for a request that it can serve and nothing else can, under
 * memory pressure if that makes free memory, in the memory cgroup that it is charged to, too, and
 * when the driver goes. What is busy never is. When the driver goes, whoever pins pages of the page
 * allocator keeps them; a busy chunk of another source holds the module.
 *
 * Locks: `lock` covers the lists and their counts, and nests inside all others, the list_lru's
 * lock included; the sources are called without it. A chunk on a list belongs to the list alone.
 * What rests and is the page allocator's is also on the list_lru; whoever takes the chunk from
 * `resting` owns it and takes it from the list_lru then.
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
/* A busy chunk is looked at after this time, then after twice as long, and so on. */
#define BUSY_CHECK_MS 50
#define BUSY_CHECK_MS_MAX 1000
/* Chunks that are looked at under the lock to find some that can serve a request: 8 GiB. */
#define LOOKED_AT_MAX 4096

static DEFINE_SPINLOCK(lock);
static LIST_HEAD(resting); /* sorted by the end of the rest */
static LIST_HEAD(busy);
static LIST_HEAD(requests);
static unsigned long n_busy, n_freed;
static unsigned long busy_check_ms = BUSY_CHECK_MS;
static unsigned long next_look; /* jiffies, if planned */
static bool is_look_planned;
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

static void look_again(struct work_struct *work);
static DECLARE_DELAYED_WORK(look_work, look_again);

/* Makes look_again() run after that delay, or earlier. */
static void plan_look(unsigned long delay)
{
	unsigned long when = jiffies + delay;

	spin_lock(&lock);
	if (!is_look_planned || time_before(when, next_look)) {
		is_look_planned = true;
		next_look = when;
		mod_delayed_work(system_long_wq, &look_work, delay);
	}
	spin_unlock(&lock);
}

/* The end of a chunk's way. */
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

static void add_busy(struct pinned_chunk *chunk, bool is_new)
{
	if (!chunk->holds_module && !pinned_record_can_abandon(chunk)) {
		__module_get(THIS_MODULE);
		chunk->holds_module = true;
	}
	spin_lock(&lock);
	list_add_tail(&chunk->node, &busy);
	WRITE_ONCE(n_busy, n_busy + 1);
	if (is_new)
		busy_check_ms = BUSY_CHECK_MS;
	spin_unlock(&lock);
	if (!is_new)
		return;
	pinned_count(PINNED_BUSY);
	trace_pinned_mem_quarantine(true, pinned_quota_resting(), n_busy);
	plan_look(msecs_to_jiffies(BUSY_CHECK_MS));
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

/* Keeps the list sorted; unless quarantine_ms was changed, an insert is an append. */
static void add_resting(struct pinned_chunk *chunk)
{
	unsigned long until = chunk->until;
	bool held = chunk->holds_module;
	struct list_head *after;

	/* Its rest can be ended when the driver goes. */
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
	plan_look(max_t(long, until - jiffies, 0));
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

/* Return: the first chunk whose rest is over; or NULL, and when to look again. */
static struct pinned_chunk *take_rested(unsigned long *next)
{
	struct pinned_chunk *chunk;

	spin_lock(&lock);
	chunk = list_first_entry_or_null(&resting, struct pinned_chunk, node);
	if (chunk && time_before(jiffies, chunk->until)) {
		*next = chunk->until - jiffies;
		chunk = NULL;
	}
	if (chunk)
		list_del_init(&chunk->node);
	spin_unlock(&lock);
	return chunk;
}

/* Coming, and being looked at. */

static void settle(struct pinned_chunk *chunk, bool is_new)
{
	if (!pinned_record_can_free(chunk))
		add_busy(chunk, is_new);
	else if (chunk->must_rest && time_before(jiffies, chunk->until))
		add_resting(chunk);
	else
		free_chunk(chunk);
}

/**
 * pinned_quarantine_return() - lets a chunk go that nothing of the driver's holds any more
 * @chunk: the chunk; do not touch it afterwards
 */
void pinned_quarantine_return(struct pinned_chunk *chunk)
{
	chunk->until = jiffies + msecs_to_jiffies(READ_ONCE(quarantine_ms));
	settle(chunk, true);
}

/* Looks at each busy chunk once; what is still busy comes back to the list. */
void pinned_quarantine_look(void)
{
	unsigned long rounds = READ_ONCE(n_busy);
	struct pinned_chunk *chunk;

	while (rounds-- && (chunk = take_busy())) {
		settle(chunk, false);
		cond_resched();
	}
}

/* Return: after which time to look at what is still busy, or 0. Each time is twice the last one. */
static unsigned long next_busy_check(void)
{
	unsigned long ms;

	spin_lock(&lock);
	ms = n_busy ? busy_check_ms : 0;
	busy_check_ms = min(busy_check_ms * 2, (unsigned long)BUSY_CHECK_MS_MAX);
	spin_unlock(&lock);
	return msecs_to_jiffies(ms);
}

static void look_again(struct work_struct *work)
{
	struct pinned_chunk *chunk;
	unsigned long next = 0, delay;

	spin_lock(&lock);
	is_look_planned = false;
	spin_unlock(&lock);
	pinned_quarantine_look();
	while ((chunk = take_rested(&next))) {
		free_rested(chunk);
		cond_resched();
	}
	if (next)
		plan_look(next);
	delay = next_busy_check();
	if (delay)
		plan_look(delay);
}

/**
 * pinned_quarantine_wait() - waits until a chunk becomes free
 * @freed: what pinned_quarantine_freed() gave before the caller found that it must wait
 * @deadline: jiffies; if no rest ends before that, this function does not wait
 *
 * Return: a chunk has become free. False also when a fatal signal came.
 */
bool pinned_quarantine_wait(unsigned long freed, unsigned long deadline)
{
	struct pinned_chunk *first;
	bool is_soon;

	spin_lock(&lock);
	first = list_first_entry_or_null(&resting, struct pinned_chunk, node);
	is_soon = first && time_before(first->until, deadline);
	spin_unlock(&lock);
	if (!is_soon || time_after_eq(jiffies, deadline))
		return freed != pinned_quarantine_freed();
	return wait_event_killable_timeout(freed_queue, freed != pinned_quarantine_freed(),
					   deadline - jiffies) > 0;
}

/* Giving up what rests. */

static bool can_serve(const struct pinned_chunk *chunk, const struct pinned_policy *policy)
{
	return chunk->source->id & policy->sources && pinned_page_fits(chunk->page, policy);
}

/* Return: the chunk that has rested longest of those that can serve, and that lie in the range. */
static struct pinned_chunk *take_serving(const struct pinned_policy *policy,
					 unsigned long first_pfn, unsigned long last_pfn)
{
	struct pinned_chunk *chunk, *found = NULL;
	unsigned int n = 0;

	spin_lock(&lock);
	list_for_each_entry(chunk, &resting, node) {
		if (++n > LOOKED_AT_MAX)
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

static unsigned long drain_range(const struct pinned_policy *policy, unsigned long first_pfn,
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

/* The first pages of the chunks of one source that rest and can serve. Return: how many. */
static unsigned long collect_serving(const struct pinned_policy *policy, struct page **pages)
{
	struct pinned_chunk *chunk;
	unsigned long n = 0;
	unsigned int looked_at = 0;

	spin_lock(&lock);
	list_for_each_entry(chunk, &resting, node) {
		if (++looked_at > LOOKED_AT_MAX)
			break;
		if (can_serve(chunk, policy))
			pages[n++] = chunk->page;
	}
	spin_unlock(&lock);
	return n;
}

/* Gives up a run of chunks that rest, if there is one of the source that @policy names. */
static unsigned long drain_run(const struct pinned_policy *policy, unsigned long count)
{
	struct page **pages = kvmalloc_array(LOOKED_AT_MAX, sizeof(*pages), PINNED_GFP);
	unsigned long n, first, pfn, given = 0;

	if (!pages)
		return 0;
	n = collect_serving(policy, pages);
	if (n >= count && pinned_pages_find_run(pages, n, count, &first)) {
		pfn = page_to_pfn(pages[first]);
		given = drain_range(policy, pfn, pfn + (count - 1) * PINNED_CHUNK_PAGES, count);
	}
	kvfree(pages);
	return given;
}

/**
 * pinned_quarantine_drain() - ends the rest of chunks that can serve a request
 * @policy: what the request wants; @policy->sources are those that lack memory
 * @run: chunks that must be one contiguous run; those are only given up if they are a run already
 * @count: chunks to give up, if @run is 1
 *
 * Return: how many went back to their sources.
 */
unsigned long pinned_quarantine_drain(const struct pinned_policy *policy, unsigned long run,
				      unsigned long count)
{
	struct pinned_policy one = *policy;
	unsigned long given = 0;

	if (run == 1)
		return drain_range(policy, 0, ULONG_MAX, count);
	for (one.sources = 1; one.sources && !given; one.sources <<= 1)
		if (one.sources & policy->sources)
			given = drain_run(&one, run);
	return given;
}

/* Chunks that have gone back to their sources since load. */
unsigned long pinned_quarantine_freed(void)
{
	return READ_ONCE(n_freed);
}

/* Chunks that wait for somebody else's reference. */
unsigned long pinned_quarantine_busy(void)
{
	return READ_ONCE(n_busy);
}

/*
 * Requests. The page allocator reclaims for a request, and ends in the shrinker, whether or not
 * what that frees can serve the request. What can serve it, pinned_quarantine_drain() finds.
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

/* The memory cgroup is the current task's own: this may be reclaim at the cgroup's limit. */
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

/* Memory pressure: everywhere, or in a memory cgroup. Counted in pages. */

static unsigned long count_objects(struct shrinker *s, struct shrink_control *control)
{
	unsigned long chunks;

	if (!smp_load_acquire(&is_lru_ready)) /* pairs with pinned_quarantine_init() */
		return SHRINK_EMPTY;
	chunks = list_lru_shrink_count(pinned_record_lru(), control);
	return chunks ? chunks << PINNED_CHUNK_ORDER : SHRINK_EMPTY;
}

/* Takes a chunk from `resting`, if it is there, and moves it to the list of those to be freed. */
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
	shrinker_register(shrinker);
	/* Before 6.7 the list_lru wants the number that the shrinker is registered by. */
	err = list_lru_init_memcg(pinned_record_lru(), shrinker);
	if (err) {
		shrinker_free(shrinker);
		return err;
	}
	/* Pairs with count_objects(): whoever sees it sees the list, too. */
	smp_store_release(&is_lru_ready, true);
	return 0;
}

/*
 * No pool, dma-buf or lent range is left: nothing can come any more. What is busy does not hold the
 * module, so it is the page allocator's, and stays with whoever pins it.
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
	drain_range(&any, 0, ULONG_MAX, ULONG_MAX);
	cancel_delayed_work_sync(&look_work);
	while ((chunk = take_busy()))
		free_chunk(chunk);
	list_lru_destroy(pinned_record_lru());
}
