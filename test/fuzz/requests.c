// SPDX-License-Identifier: MIT
/*
 * The fuzzer's requests, as a table. Each row says how to make a valid request, which errors
 * the model allows for it, and what the request changes (Faults A12, A32). To fuzz a new
 * request, add a row.
 */
#include "requests.h"

static uint64_t phys_answers[SLOTS];

/* Returns the first of *@count slots: mostly one that is filled, or empty, as @is_filled asks. */
static unsigned long pick_slots(const struct model_pool *pool, bool is_filled, unsigned int *count)
{
	unsigned long slot = fuzz_below(&fuzz.random, SLOTS), most;

	if (!fuzz_once_in(&fuzz.random, 4))
		for (unsigned int i = 0; i < SLOTS && (pool->chunks[slot] != NO_CHUNK) != is_filled;
		     i++)
			slot = (slot + 1) % SLOTS;
	most = SLOTS - slot < 3 ? SLOTS - slot : 3;
	*count = fuzz_once_in(&fuzz.random, 2) ? 1 : 1 + fuzz_below(&fuzz.random, most);
	return slot;
}

static unsigned int filled(const struct model_pool *pool, uint64_t offset, unsigned int count)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < count; i++)
		n += pool->chunks[offset / CHUNK + i] != NO_CHUNK;
	return n;
}

/* INFO */

static void make_info(const struct model_pool *pool, union argument *arg)
{
	(void)pool;
	arg->size = sizeof(arg->info);
}

static int expect_info(const struct model_pool *pool, const union argument *arg)
{
	(void)pool, (void)arg;
	return 0;
}

static void done_info(struct model_pool *pool, union argument *arg)
{
	if (pool->is_mine && arg->info.pool_chunks != filled(pool, 0, SLOTS))
		WRONG("INFO: expected %u chunks in the pool, got %llu", filled(pool, 0, SLOTS),
		      (unsigned long long)arg->info.pool_chunks);
}

/* POPULATE */

static void make_populate(const struct model_pool *pool, union argument *arg)
{
	struct fuzz_random *r = &fuzz.random;
	unsigned int count;
	unsigned long slot = pick_slots(pool, false, &count);

	arg->populate = populate_request(slot, count);
	if (fuzz_once_in(r, 3))
		arg->populate.phys_ptr = (uintptr_t)phys_answers;
	if (fuzz_once_in(r, 6))
		arg->populate.memory_type = fuzz_below(r, 4);
	if (fuzz_once_in(r, 6))
		arg->populate.flags = PINNED_MEM_F_CONTIGUOUS;
	if (fuzz_once_in(r, 4))
		arg->populate.sources = fuzz_below(r, 16);
	if (fuzz_once_in(r, 4))
		arg->populate.node = 0;
	if (fuzz_once_in(r, 6))
		arg->populate.max_phys = (1ULL << (24 + fuzz_below(r, 12))) - 1;
}

static int expect_populate(const struct model_pool *pool, const union argument *arg)
{
	const struct pinned_mem_populate *p = &arg->populate;

	if (filled(pool, p->offset, p->count))
		return EEXIST;
	if (p->memory_type != pool->memory_type && !model_pool_is_empty(pool))
		return EBUSY;
	return 0;
}

static void done_populate(struct model_pool *pool, union argument *arg)
{
	for (unsigned int i = 0; i < arg->populate.count; i++)
		pool->chunks[arg->populate.offset / CHUNK + i] = model_chunk_new();
	pool->memory_type = arg->populate.memory_type;
	fuzz_count(&totals->populated);
}

/* PUNCH */

static void make_punch(const struct model_pool *pool, union argument *arg)
{
	unsigned int count;
	unsigned long slot = pick_slots(pool, true, &count);

	arg->punch = punch_request(slot, count);
}

static int expect_punch(const struct model_pool *pool, const union argument *arg)
{
	return filled(pool, arg->punch.offset, arg->punch.count) == arg->punch.count ? 0 : ENOENT;
}

static void done_punch(struct model_pool *pool, union argument *arg)
{
	for (unsigned int i = 0; i < arg->punch.count; i++) {
		int *chunk = &pool->chunks[arg->punch.offset / CHUNK + i];

		model_chunk_put(*chunk);
		*chunk = NO_CHUNK;
	}
	fuzz_count(&totals->punched);
}

/* QUERY */

static void make_query(const struct model_pool *pool, union argument *arg)
{
	(void)pool;
	arg->size = sizeof(arg->query);
	arg->query.offset = fuzz_below(&fuzz.random, SLOTS * CHUNK);
}

static int expect_query(const struct model_pool *pool, const union argument *arg)
{
	return filled(pool, arg->query.offset / CHUNK * CHUNK, 1) ? 0 : ENOENT;
}

static void done_query(struct model_pool *pool, union argument *arg)
{
	uint64_t within = arg->query.offset % CHUNK;

	if (arg->query.phys % CHUNK != within || !arg->query.length ||
	    arg->query.memory_type != pool->memory_type)
		WRONG("QUERY of %#llx: got phys %#llx, length %#llx, type %u (pool: %u)",
		      (unsigned long long)arg->query.offset, (unsigned long long)arg->query.phys,
		      (unsigned long long)arg->query.length, arg->query.memory_type,
		      pool->memory_type);
}

/* SYNC */

static void make_sync(const struct model_pool *pool, union argument *arg)
{
	struct fuzz_random *r = &fuzz.random;

	(void)pool;
	arg->size = sizeof(arg->sync);
	arg->flags = 1 + fuzz_below(r, 3);
	arg->flags |= fuzz_below(r, 4) << 2;
	arg->sync.offset = fuzz_below(r, SLOTS * CHUNK);
	arg->sync.length = 1 + fuzz_below(r, SLOTS * CHUNK - arg->sync.offset);
}

static int expect_sync(const struct model_pool *pool, const union argument *arg)
{
	uint64_t first = arg->sync.offset / CHUNK;
	uint64_t last = (arg->sync.offset + arg->sync.length - 1) / CHUNK;

	return filled(pool, first * CHUNK, last - first + 1) == last - first + 1 ? 0 : ENOENT;
}

static void done_nothing(struct model_pool *pool, union argument *arg)
{
	(void)pool, (void)arg;
}

/* EXPORT: the dma-buf is kept, or closed at once. */

static void make_export(const struct model_pool *pool, union argument *arg)
{
	unsigned int count;
	unsigned long slot = pick_slots(pool, true, &count);

	arg->size = sizeof(arg->export);
	arg->export.offset = slot * CHUNK;
	arg->export.count = count;
}

static int expect_export(const struct model_pool *pool, const union argument *arg)
{
	const struct pinned_mem_export *e = &arg->export;

	if (pool->is_read_only)
		return EACCES;
	return filled(pool, e->offset, e->count) == e->count ? 0 : ENOENT;
}

static void done_export(struct model_pool *pool, union argument *arg)
{
	struct model_export *export = &fuzz.model.exports[fuzz_below(&fuzz.random, EXPORTS)];

	if (export->fd >= 0) {
		close(arg->export.fd);
		return;
	}
	export->fd = arg->export.fd;
	export->count = arg->export.count;
	for (unsigned int i = 0; i < export->count; i++) {
		export->chunks[i] = pool->chunks[arg->export.offset / CHUNK + i];
		model_chunk_get(export->chunks[i]);
	}
}

/*
 * PIN and UNPIN: pins overlap, and pages are discarded while they are pinned. The notices show a
 * use, so that no pin ends by itself.
 */

#define OWN_PAGES 16

static char own_memory[(OWN_PAGES + 1) * 65536];
static struct pinned_mem_extent extent_answers[8];
static uint32_t notices[POOLS] = { 1, 1, 1 };

static void make_pin(const struct model_pool *pool, union argument *arg)
{
	struct fuzz_random *r = &fuzz.random;
	size_t first = fuzz_below(r, OWN_PAGES * PAGE - 1);

	arg->size = sizeof(arg->pin);
	arg->pin.address = (uintptr_t)own_memory + first;
	arg->pin.length = 1 + fuzz_below(r, OWN_PAGES * PAGE - first);
	if (fuzz_once_in(r, 2)) {
		arg->pin.extents_ptr = (uintptr_t)extent_answers;
		arg->pin.extents_count = fuzz_below(r, 9);
	}
	if (fuzz_once_in(r, 2))
		arg->pin.notice_ptr = (uintptr_t)&notices[pool - fuzz.model.pools];
	if (fuzz_once_in(r, 4))
		madvise((void *)((uintptr_t)own_memory / PAGE * PAGE + PAGE), 3 * PAGE,
			MADV_DONTNEED);
}

static int expect_pin(const struct model_pool *pool, const union argument *arg)
{
	(void)arg;
	return pool->is_read_only ? EACCES : 0;
}

static void done_pin(struct model_pool *pool, union argument *arg)
{
	uint32_t *slot = &pool->pins[fuzz_below(&fuzz.random, PINS)];
	struct pinned_mem_unpin request = { .size = sizeof(request), .id = *slot };

	if (!arg->pin.id || (arg->pin.extents_ptr && !arg->pin.extents_count))
		WRONG("PIN: got number %u and %u extents", arg->pin.id, arg->pin.extents_count);
	if (*slot && !ioctl(pool->fd, PINNED_MEM_IOC_UNPIN, &request))
		*slot = 0;
	if (!*slot)
		*slot = arg->pin.id;
}

static void make_unpin(const struct model_pool *pool, union argument *arg)
{
	arg->size = sizeof(arg->unpin);
	arg->unpin.id = pool->pins[fuzz_below(&fuzz.random, PINS)];
	if (fuzz_once_in(&fuzz.random, 8))
		arg->unpin.id = ~0U;
}

static int expect_unpin(const struct model_pool *pool, const union argument *arg)
{
	(void)pool;
	return arg->unpin.id && arg->unpin.id != ~0U ? 0 : ENOENT;
}

static void done_unpin(struct model_pool *pool, union argument *arg)
{
	for (unsigned int i = 0; i < PINS; i++)
		if (pool->pins[i] == arg->unpin.id)
			pool->pins[i] = 0;
}

static const struct request requests[] = {
	{ "INFO", PINNED_MEM_IOC_INFO, 1, false, make_info, expect_info, done_info, {} },
	{ "POPULATE",
	  PINNED_MEM_IOC_POPULATE,
	  10,
	  true,
	  make_populate,
	  expect_populate,
	  done_populate,
	  { EOPNOTSUPP, EINVAL } },
	{ "PUNCH", PINNED_MEM_IOC_PUNCH, 6, true, make_punch, expect_punch, done_punch, {} },
	{ "QUERY", PINNED_MEM_IOC_QUERY, 2, true, make_query, expect_query, done_query, {} },
	{ "SYNC", PINNED_MEM_IOC_SYNC, 1, true, make_sync, expect_sync, done_nothing, {} },
	{ "EXPORT",
	  PINNED_MEM_IOC_EXPORT,
	  1,
	  true,
	  make_export,
	  expect_export,
	  done_export,
	  { EMFILE } },
	{ "PIN", PINNED_MEM_IOC_PIN, 2, true, make_pin, expect_pin, done_pin, { EOPNOTSUPP } },
	{ "UNPIN", PINNED_MEM_IOC_UNPIN, 2, true, make_unpin, expect_unpin, done_unpin, {} },
};

#define REQUESTS (sizeof(requests) / sizeof(requests[0]))

const struct request *fuzz_pick_request(void)
{
	unsigned int sum = 0, at;
	size_t i;

	for (i = 0; i < REQUESTS; i++)
		sum += requests[i].weight;
	at = fuzz_below(&fuzz.random, sum);
	for (i = 0; at >= requests[i].weight; i++)
		at -= requests[i].weight;
	return &requests[i];
}

struct model_pool *fuzz_pick_pool(void)
{
	struct model_pool *pool = &fuzz.model.pools[fuzz_below(&fuzz.random, POOLS)];

	return pool->fd < 0 ? NULL : pool;
}

static bool is_allowed(const struct request *request, int error)
{
	for (int i = 0; i < 3; i++)
		if (error && request->also[i] == error)
			return true;
	return fuzz_is_shortage(error);
}

void step_request(void)
{
	const struct request *request = fuzz_pick_request();
	struct model_pool *pool = fuzz_pick_pool();
	union argument arg = {};
	int want, got;

	if (!pool)
		return;
	fuzz.doing = request->name;
	request->make(pool, &arg);
	want = !pool->is_mine && request->is_for_owner ? EPERM : request->expect(pool, &arg);
	got = ioctl(pool->fd, request->cmd, &arg) ? errno : 0;
	if (got != want && !is_allowed(request, got))
		WRONG("%s: expected %s, got %s", request->name,
		      want ? strerrorname_np(want) : "success",
		      got ? strerrorname_np(got) : "success");
	if (got)
		fuzz_count(&totals->refused);
	else
		request->done(pool, &arg);
}

/* Pools. */

static bool is_mapped(int pool)
{
	for (unsigned int place = 0; place < PLACES; place++)
		for (unsigned long i = 0; i < PLACE_PAGES; i++)
			if (model_page_at(place, i)->pool == pool)
				return true;
	return false;
}

void step_open(void)
{
	int i = fuzz_below(&fuzz.random, POOLS), fd;
	struct model_pool *pool = &fuzz.model.pools[i];

	if (pool->fd >= 0 || is_mapped(i))
		return;
	for (unsigned long slot = 0; slot < SLOTS; slot++)
		if (pool->chunks[slot] != NO_CHUNK)
			model_chunk_put(pool->chunks[slot]);
	*pool = (struct model_pool){ .fd = -1, .is_mine = true };
	for (unsigned long slot = 0; slot < SLOTS; slot++)
		pool->chunks[slot] = NO_CHUNK;
	pool->is_read_only = fuzz_once_in(&fuzz.random, 10);
	fd = open(PINNED_MEM_DEVICE, (pool->is_read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC);
	if (fuzz_worked("open()", fd))
		pool->fd = fd;
}

/* Closes a pool or replaces its descriptor by a copy. Mappings stay and work as before. */
void step_close(void)
{
	struct model_pool *pool = fuzz_pick_pool();
	int fd;

	if (!pool)
		return;
	if (fuzz_once_in(&fuzz.random, 2)) {
		fd = dup(pool->fd);
		if (!fuzz_worked("dup()", fd))
			return;
		close(pool->fd);
		pool->fd = fd;
		return;
	}
	close(pool->fd);
	pool->fd = -1;
}
