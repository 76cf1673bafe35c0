// SPDX-License-Identifier: GPL-2.0-only
/*
 * The reserve: chunks that are taken from the buddy allocator early, before memory is fragmented,
 * for each NUMA node. The reserve zeroes them in the background, so that taking one costs no more
 * than unlinking it.
 *
 * The module parameter reserve_chunks sets the size at load; later sysfs sets it, for all nodes
 * together or for one, as for nr_hugepages; but here, enlarging the reserve succeeds completely or
 * changes nothing. A reserve that is made smaller frees its free chunks at once, and each lent
 * chunk when that chunk comes back. A lent chunk counts against the driver's limits like any other.
 * It is not charged to a memory cgroup, since the administrator has reserved the memory already
 * (the same holds for hugetlb pages).
 *
 * Locks: whoever changes the size holds `resizing`; `lock` protects the lists and counters of all
 * nodes. `lock` is a mutex, since a request with a ceiling, or for a contiguous run, looks at each
 * free chunk. `lock` nests inside pool->lock and inside `resizing`. A page on a list belongs to the
 * list alone, with the driver's one reference.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/gfp.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/mutex.h>
#include <linux/nodemask.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "base.h"
#include "compat.h"
#include "page.h"
#include "reserve.h"
#include "source.h"

/**
 * struct node_reserve - the reserve of one NUMA node
 * @clean:	zeroed chunks, linked by page->lru
 * @dirty:	chunks that came back and must be zeroed, linked by page->lru
 * @size:	chunks that the node shall have, including lent ones
 * @total:	chunks that the node has, including lent ones
 * @free:	chunks on the two lists, and those that are being zeroed
 */
struct node_reserve {
	struct list_head clean;
	struct list_head dirty;
	unsigned long size;
	unsigned long total;
	unsigned long free;
};

/* Value of page_private() for chunks on a list of clean chunks. */
#define IS_CLEAN 1

static DEFINE_MUTEX(resizing);
static DEFINE_MUTEX(lock);
static struct node_reserve nodes[MAX_NUMNODES];
/*
 * n_unclean: chunks on dirty lists, and those that are being zeroed. n_cleaned: chunks that the
 * worker has zeroed since the module was loaded.
 */
static unsigned long n_unclean, n_cleaned;
static DECLARE_WAIT_QUEUE_HEAD(cleaned_queue);

static unsigned long reserve_chunks;
module_param(reserve_chunks, ulong, 0444);
MODULE_PARM_DESC(reserve_chunks,
		 "chunks to set aside at load, over all NUMA nodes; later by sysfs");

static void zero_dirty(struct work_struct *work);
static DECLARE_WORK(clean_work, zero_dirty);

static struct page *take_dirty(void)
{
	struct page *page = NULL;
	int node;

	mutex_lock(&lock);
	for_each_online_node(node) {
		page = list_first_entry_or_null(&nodes[node].dirty, struct page, lru);
		if (page) {
			list_del(&page->lru);
			break;
		}
	}
	mutex_unlock(&lock);
	return page;
}

static void add_unclean_locked(long n)
{
	lockdep_assert_held(&lock);
	WRITE_ONCE(n_unclean, n_unclean + n);
}

/*
 * Puts a chunk on its node's list, or frees the chunk if the node has too many. Returns true if the
 * chunk was kept.
 */
static bool put_or_free(struct page *page, bool was_zeroed)
{
	struct node_reserve *reserve = &nodes[page_to_nid(page)];
	bool is_surplus;

	mutex_lock(&lock);
	is_surplus = reserve->total > reserve->size;
	if (was_zeroed) {
		reserve->free--;
		add_unclean_locked(-1);
		WRITE_ONCE(n_cleaned, n_cleaned + 1);
	} else if (!is_surplus) {
		add_unclean_locked(1);
	}
	if (is_surplus) {
		reserve->total--;
	} else {
		list_add(&page->lru, was_zeroed ? &reserve->clean : &reserve->dirty);
		set_page_private(page, was_zeroed ? IS_CLEAN : 0);
		reserve->free++;
	}
	mutex_unlock(&lock);
	if (is_surplus)
		put_page(page);
	return !is_surplus;
}

static void zero_dirty(struct work_struct *work)
{
	struct page *page;

	while ((page = take_dirty())) {
		pinned_page_zero(page);
		put_or_free(page, true);
		wake_up_all(&cleaned_queue);
	}
	/* A request may have taken the last dirty chunk. */
	wake_up_all(&cleaned_queue);
}

/*
 * Waits until the worker has zeroed @count more chunks, or has none left to zero. Returns false if
 * a fatal signal came first.
 */
static bool wait_for_cleaned(unsigned long count)
{
	unsigned long target = READ_ONCE(n_cleaned) + count;

	return !wait_event_killable(cleaned_queue, (long)(READ_ONCE(n_cleaned) - target) >= 0 ||
							   !READ_ONCE(n_unclean));
}

/* Taking and giving. */

static struct page *find_fit(struct list_head *list, const struct pinned_policy *policy)
{
	struct page *page;

	list_for_each_entry(page, list, lru)
		if (pinned_page_fits(page, policy))
			return page;
	return NULL;
}

/* Takes a chunk of @node that fits the policy; sets @is_clean to whether the chunk is zeroed. */
static struct page *take_from_node(int node, const struct pinned_policy *policy, bool *is_clean)
{
	struct node_reserve *reserve = &nodes[node];
	struct page *page;

	if (!READ_ONCE(reserve->free))
		return NULL;
	mutex_lock(&lock);
	page = find_fit(&reserve->clean, policy);
	*is_clean = page;
	if (!page) {
		page = find_fit(&reserve->dirty, policy);
		if (page)
			add_unclean_locked(-1);
	}
	if (page) {
		list_del(&page->lru);
		set_page_private(page, 0);
		reserve->free--;
	}
	mutex_unlock(&lock);
	return page;
}

static struct page *take_from_nodes(const struct pinned_policy *policy, bool *is_clean)
{
	int first = policy->node == NUMA_NO_NODE ? numa_mem_id() : policy->node, node;
	struct page *page = take_from_node(first, policy, is_clean);

	if (page || policy->node != NUMA_NO_NODE)
		return page;
	for_each_online_node(node) {
		page = take_from_node(node, policy, is_clean);
		if (page)
			break;
	}
	return page;
}

static struct page *take_one(const struct pinned_policy *policy)
{
	bool is_clean;
	struct page *page = take_from_nodes(policy, &is_clean);

	/* The worker may be zeroing the last chunk, or have just put it on the list. */
	if (!page && pinned_reserve_free(policy->node) && wait_for_cleaned(1))
		page = take_from_nodes(policy, &is_clean);
	if (page && !is_clean)
		pinned_page_zero(page);
	return page;
}

static unsigned long collect_locked(struct list_head *list, const struct pinned_policy *policy,
				    struct page **pages, unsigned long n, unsigned long max)
{
	struct page *page;

	lockdep_assert_held(&lock);
	list_for_each_entry(page, list, lru)
		if (n < max && pinned_page_fits(page, policy))
			pages[n++] = page;
	return n;
}

/* Collects the zeroed chunks that fit; any of them may be taken once the lock is released. */
static unsigned long collect_clean(const struct pinned_policy *policy, struct page **pages,
				   unsigned long max)
{
	unsigned long n = 0;
	int node;

	mutex_lock(&lock);
	for_each_online_node(node)
		n = collect_locked(&nodes[node].clean, policy, pages, n, max);
	mutex_unlock(&lock);
	return n;
}

/* Takes exactly these chunks, if all of them are still free. */
static bool take_exactly(struct page **pages, unsigned long count)
{
	unsigned long i;

	mutex_lock(&lock);
	for (i = 0; i < count; i++)
		if (page_private(pages[i]) != IS_CLEAN)
			break;
	if (i == count) {
		for (i = 0; i < count; i++) {
			list_del(&pages[i]->lru);
			set_page_private(pages[i], 0);
			nodes[page_to_nid(pages[i])].free--;
		}
	}
	mutex_unlock(&lock);
	return i == count;
}

/*
 * Takes a contiguous run of chunks. First waits for the chunks that are being zeroed, since one of
 * them may be the missing one.
 */
static bool take_run(const struct pinned_policy *policy, struct page **pages, unsigned long count)
{
	unsigned long max, n, first;
	struct page **candidates;
	bool is_taken = false;

	if (!wait_for_cleaned(READ_ONCE(n_unclean)))
		return false;
	max = pinned_reserve_free(policy->node);
	if (max < count)
		return false;
	candidates = kvmalloc_array(max, sizeof(*candidates), PINNED_GFP);
	if (!candidates)
		return false;
	n = collect_clean(policy, candidates, max);
	if (n >= count && pinned_pages_find_run(candidates, n, count, &first)) {
		memcpy(pages, candidates + first, count * sizeof(*pages));
		is_taken = take_exactly(pages, count);
	}
	kvfree(candidates);
	return is_taken;
}

static int take(const struct pinned_policy *policy, struct page **pages, unsigned long count)
{
	if (count > 1)
		return take_run(policy, pages, count) ? 0 : -ENOMEM;
	pages[0] = take_one(policy);
	return pages[0] ? 0 : -ENOMEM;
}

static void give(struct page *page)
{
	/* Clear the flags that user mappings have left in the page. */
	ClearPageDirty(page);
	pinned_clear_page_referenced(page);
	if (put_or_free(page, false))
		queue_work(system_unbound_wq, &clean_work);
}

const struct pinned_source pinned_source_reserve = {
	.id = PINNED_MEM_SOURCE_RESERVE,
	.take = take,
	.give = give,
};

/* Size. */

static void put_list(struct list_head *list)
{
	struct page *page, *next;

	list_for_each_entry_safe(page, next, list, lru) {
		list_del(&page->lru);
		set_page_private(page, 0);
		put_page(page);
	}
}

/* Allocates @count chunks in round-robin order from the nodes @from, all or none. */
static int allocate(struct list_head *list, nodemask_t from, unsigned long count)
{
	const gfp_t gfp = GFP_KERNEL | __GFP_COMP | __GFP_ZERO | __GFP_NOWARN |
			  __GFP_RETRY_MAYFAIL | __GFP_THISNODE;
	int node = first_node(from), err = -ENOMEM;
	struct page *page;

	while (count) {
		if (nodes_empty(from))
			goto err_put;
		if (signal_pending(current)) {
			err = -EINTR;
			goto err_put;
		}
		page = alloc_pages_node(node, gfp, PINNED_CHUNK_ORDER);
		if (page) {
			list_add(&page->lru, list);
			count--;
		} else {
			node_clear(node, from);
		}
		node = next_node_in(node, from);
		cond_resched();
	}
	return 0;

err_put:
	put_list(list);
	return err;
}

static void add_chunks(struct list_head *list)
{
	struct node_reserve *reserve;
	struct page *page, *next;

	mutex_lock(&lock);
	list_for_each_entry_safe(page, next, list, lru) {
		reserve = &nodes[page_to_nid(page)];
		list_move(&page->lru, &reserve->clean);
		set_page_private(page, IS_CLEAN);
		reserve->size++;
		reserve->total++;
		reserve->free++;
	}
	mutex_unlock(&lock);
}

static int grow(nodemask_t from, unsigned long count)
{
	LIST_HEAD(list);
	int err = allocate(&list, from, count);

	if (!err)
		add_chunks(&list);
	return err;
}

/* Moves the node's free surplus chunks to @list. */
static void take_surplus_locked(struct node_reserve *reserve, struct list_head *list)
{
	struct list_head *from;

	lockdep_assert_held(&lock);
	while (reserve->total > reserve->size) {
		from = list_empty(&reserve->dirty) ? &reserve->clean : &reserve->dirty;
		if (list_empty(from))
			break;
		if (from == &reserve->dirty)
			add_unclean_locked(-1);
		list_move(from->next, list);
		reserve->free--;
		reserve->total--;
	}
}

/* Shrinks the reserve in round-robin order over the nodes, as it was filled. */
static void shrink(nodemask_t from, unsigned long count)
{
	LIST_HEAD(list);
	int node = first_node(from);

	mutex_lock(&lock);
	while (count) {
		if (nodes[node].size) {
			nodes[node].size--;
			count--;
			take_surplus_locked(&nodes[node], &list);
		}
		node = next_node_in(node, from);
	}
	mutex_unlock(&lock);
	put_list(&list);
}

static nodemask_t nodes_of(int node)
{
	return node == NUMA_NO_NODE ? node_states[N_MEMORY] : nodemask_of_node(node);
}

static unsigned long sum_over_nodes(int node, size_t offset)
{
	unsigned long total = 0;
	nodemask_t mask = nodes_of(node);
	int i;

	for_each_node_mask(i, mask)
		total += READ_ONCE(*(unsigned long *)((char *)&nodes[i] + offset));
	return total;
}

/* Returns the intended size of a node's reserve, or of all nodes' (NUMA_NO_NODE), in chunks. */
unsigned long pinned_reserve_size(int node)
{
	return sum_over_nodes(node, offsetof(struct node_reserve, size));
}

/* Returns the number of free chunks in a node's reserve, or in all nodes' (NUMA_NO_NODE). */
unsigned long pinned_reserve_free(int node)
{
	return sum_over_nodes(node, offsetof(struct node_reserve, free));
}

/**
 * pinned_reserve_resize() - sets the reserve's size
 * @node: the node to resize, or NUMA_NO_NODE for the sum over all nodes
 * @chunks: the new size
 *
 * Return: 0; -ENOMEM or -EINTR, with nothing changed; -EINVAL for more than the machine has.
 */
int pinned_reserve_resize(int node, unsigned long chunks)
{
	unsigned long now;
	int err = 0;

	if (chunks > totalram_pages() >> PINNED_CHUNK_ORDER)
		return -EINVAL;
	mutex_lock(&resizing);
	now = pinned_reserve_size(node);
	if (chunks > now)
		err = grow(nodes_of(node), chunks - now);
	else
		shrink(nodes_of(node), now - chunks);
	mutex_unlock(&resizing);
	return err;
}

int pinned_reserve_init(void)
{
	int node, err;

	for (node = 0; node < MAX_NUMNODES; node++) {
		INIT_LIST_HEAD(&nodes[node].clean);
		INIT_LIST_HEAD(&nodes[node].dirty);
	}
	err = pinned_reserve_resize(NUMA_NO_NODE, reserve_chunks);
	if (err)
		pr_err("cannot set %lu chunks aside (error %d): give a smaller reserve_chunks\n",
		       reserve_chunks, err);
	return err;
}

/*
 * Frees the reserve. No chunk is lent any more; a chunk that is being zeroed is surplus, and freed,
 * when the worker is done.
 */
void pinned_reserve_exit(void)
{
	pinned_reserve_resize(NUMA_NO_NODE, 0);
	cancel_work_sync(&clean_work);
}
