// SPDX-License-Identifier: MIT
/*
 * The fuzzer's steps on mappings: any part of the window may be mapped over, unmapped, moved,
 * protected or given to madvise(), and every page must show what the model says (Faults A4, A8,
 * A10, A11, A23).
 */
#include "fuzz.h"

#include <linux/mman.h>

static const int protections[] = { PROT_NONE, PROT_READ, RW, RW, RW, RW };

static int pick_protection(void)
{
	return protections[fuzz_below(&fuzz.random, sizeof(protections) / sizeof(*protections))];
}

static int pick_open_pool(void)
{
	int pool = fuzz_below(&fuzz.random, POOLS);

	return fuzz.model.pools[pool].fd < 0 ? NO_POOL : pool;
}

static int expected_map_error(const struct model_pool *pool, int prot)
{
	if (!pool->is_mine && !(pool->is_read_only && prot & PROT_WRITE))
		return EPERM;
	return pool->is_read_only && prot & PROT_WRITE ? EACCES : 0;
}

static void set_pages(const struct span *span, int pool, unsigned long pgoff, int prot)
{
	for (unsigned long i = 0; i < span->count; i++)
		*model_page_at(span->place, span->first + i) = (struct model_page){
			.pool = pool,
			.prot = prot,
			.memory_type = fuzz.model.pools[pool].memory_type,
			.pgoff = pgoff + i,
		};
}

/* Returns an offset that is often aligned with the pool, so that huge entries are made. */
static unsigned long pick_pgoff(const struct span *span)
{
	if (fuzz_once_in(&fuzz.random, 4))
		return fuzz_below(&fuzz.random, SLOTS * CHUNK_PAGES);
	return span->first % CHUNK_PAGES + fuzz_below(&fuzz.random, 2) * CHUNK_PAGES;
}

void step_map(void)
{
	struct span span = model_random_span();
	int pool = pick_open_pool(), prot = pick_protection(), error, want;
	unsigned long pgoff = pick_pgoff(&span);
	void *at = model_address(span.place, span.first);

	if (pool == NO_POOL)
		return;
	want = expected_map_error(&fuzz.model.pools[pool], prot);
	error = mmap(at, span.count * PAGE, prot, MAP_SHARED | MAP_FIXED, fuzz.model.pools[pool].fd,
		     (off_t)(pgoff * PAGE)) == MAP_FAILED
			? errno
			: 0;
	if (!error && !want)
		set_pages(&span, pool, pgoff, prot);
	else if (error != want && !fuzz_is_shortage(error))
		WRONG("mmap(): expected %s, got %s", want ? strerrorname_np(want) : "success",
		      error ? strerrorname_np(error) : "success");
	else
		/* The kernel may have unmapped the old mapping before it failed. */
		model_forget(&span);
}

static void refused_mmap(size_t length, int prot, int flags, int fd, uint64_t offset)
{
	struct span span = { .place = 0, .first = 0, .count = PLACE_PAGES };

	/* Empty the place first, because the kernel may unmap it before it refuses. */
	model_forget(&span);
	if (mmap(model_address(0, 0), length, prot, flags | MAP_FIXED, fd, (off_t)offset) !=
	    MAP_FAILED)
		WRONG("mmap(length %#zx, prot %d, flags %#x, offset %#llx): expected an error, got "
		      "success",
		      length, prot, flags, (unsigned long long)offset);
}

void step_bad_map(void)
{
	struct fuzz_random *r = &fuzz.random;
	int pool = pick_open_pool(), fd;

	if (pool == NO_POOL)
		return;
	fd = fuzz.model.pools[pool].fd;
	switch (fuzz_below(r, 4)) {
	case 0:
		return refused_mmap(CHUNK, PROT_READ, MAP_PRIVATE, fd, 0);
	case 1:
		return refused_mmap(CHUNK, PROT_READ, MAP_SHARED, fd, 1 + fuzz_below(r, PAGE - 1));
	case 2:
		return refused_mmap(CHUNK, PROT_READ, MAP_SHARED, fd,
				    1ULL << (52 + fuzz_below(r, 11)));
	default:
		return refused_mmap(CHUNK, PROT_READ, MAP_SHARED, fd, -(uint64_t)CHUNK / 2);
	}
}

void step_unmap(void)
{
	struct span span = model_random_span();

	if (fuzz_worked("munmap()",
			munmap(model_address(span.place, span.first), span.count * PAGE)))
		model_forget(&span);
}

/* Returns the error that mprotect() must return for the span, or 0. */
static int expected_protect_error(const struct span *span, int prot)
{
	for (unsigned long i = 0; i < span->count; i++) {
		const struct model_page *p = model_page_at(span->place, span->first + i);

		if (p->pool == NO_POOL)
			return ENOMEM;
		if (fuzz.model.pools[p->pool].is_read_only && prot & PROT_WRITE)
			return EACCES;
	}
	return 0;
}

void step_protect(void)
{
	struct span span = model_random_span();
	int prot = pick_protection() | (fuzz_once_in(&fuzz.random, 10) ? PROT_EXEC : 0);
	int want = expected_protect_error(&span, prot), error;

	error = mprotect(model_address(span.place, span.first), span.count * PAGE, prot) ? errno
											 : 0;
	if (error != want && !fuzz_is_shortage(error))
		WRONG("mprotect(prot %d): expected %s, got %s", prot,
		      want ? strerrorname_np(want) : "success",
		      error ? strerrorname_np(error) : "success");
	if (error)
		/* A part of the span may have been changed. */
		return model_forget(&span);
	for (unsigned long i = 0; i < span.count; i++)
		model_page_at(span.place, span.first + i)->prot = prot;
}

static bool is_one_piece(const struct span *span)
{
	const struct model_page *first = model_page_at(span->place, span->first);

	for (unsigned long i = 0; i < span->count; i++) {
		const struct model_page *p = model_page_at(span->place, span->first + i);

		if (p->pool == NO_POOL || p->pool != first->pool || p->prot != first->prot ||
		    p->pgoff != first->pgoff + i)
			return false;
	}
	return true;
}

static void move_pages(const struct span *from, const struct span *to)
{
	for (unsigned long i = 0; i < from->count; i++) {
		struct model_page *p = model_page_at(from->place, from->first + i);

		if (i < to->count)
			*model_page_at(to->place, to->first + i) = *p;
		*p = (struct model_page){ .pool = NO_POOL };
	}
}

/* Moves a span to another place, or tries to grow the mapping in place, which must fail. */
void step_move(void)
{
	struct span from = model_random_span(), to = model_random_span(), piece;
	bool is_growing = fuzz_once_in(&fuzz.random, 5);
	char *at = model_address(from.place, from.first);
	void *got;

	if (from.place == to.place)
		return;
	if (to.count > from.count)
		to.count = from.count;
	/*
	 * mremap() unmaps the surplus, whatever it is; only the pages that stay must be one
	 * mapping.
	 */
	piece = (struct span){ from.place, from.first, is_growing ? from.count : to.count };
	if (is_growing)
		got = mremap(at, from.count * PAGE, (from.count + 1) * PAGE, 0);
	else
		got = mremap(at, from.count * PAGE, to.count * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED,
			     model_address(to.place, to.first));
	if (got != MAP_FAILED && (is_growing || !is_one_piece(&piece)))
		WRONG("mremap(): expected an error for %s, got success",
		      is_growing ? "growing" : "several mappings or none");
	if (got != MAP_FAILED)
		return move_pages(&from, &to);
	/* EFAULT means several mappings, even if they look like one. */
	if (errno != EFAULT && errno != EINVAL && !fuzz_is_shortage(errno))
		WRONG("mremap(): got %s", strerrorname_np(errno));
	if (!is_growing) {
		model_forget(&from);
		model_forget(&to);
	}
}

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif
#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#define MADV_POPULATE_WRITE 23
#endif

/* No advice may change the content of memory, whether the kernel accepts or refuses the advice. */
static const int advice[] = {
	MADV_NORMAL,	 MADV_RANDOM,	MADV_SEQUENTIAL, MADV_WILLNEED,	     MADV_DONTNEED,
	MADV_FREE,	 MADV_REMOVE,	MADV_MERGEABLE,	 MADV_UNMERGEABLE,   MADV_HUGEPAGE,
	MADV_NOHUGEPAGE, MADV_DONTDUMP, MADV_DODUMP,	 MADV_WIPEONFORK,    MADV_KEEPONFORK,
	MADV_COLD,	 MADV_PAGEOUT,	MADV_COLLAPSE,	 MADV_POPULATE_READ, MADV_POPULATE_WRITE,
	MADV_DONTNEED,	 MADV_DONTNEED,
};

static void advise_about_fork(const struct span *span, bool is_dont_fork)
{
	if (madvise(model_address(span->place, span->first), span->count * PAGE,
		    is_dont_fork ? MADV_DONTFORK : MADV_DOFORK))
		/*
		 * ENOMEM means that there are holes; the advice may have reached the other pages.
		 */
		return model_forget(span);
	for (unsigned long i = 0; i < span->count; i++)
		model_page_at(span->place, span->first + i)->is_dont_fork = is_dont_fork;
}

void step_advise(void)
{
	struct span span = model_random_span();
	void *at = model_address(span.place, span.first);
	size_t length = span.count * PAGE;
	unsigned char resident[PLACE_PAGES_MAX];

	switch (fuzz_below(&fuzz.random, 8)) {
	case 0:
		mlock(at, length);
		break;
	case 1:
		munlock(at, length);
		break;
	case 2:
		msync(at, length, MS_SYNC);
		break;
	case 3:
		mincore(at, length, resident);
		break;
	case 4:
		advise_about_fork(&span, fuzz_once_in(&fuzz.random, 2));
		break;
	default:
		madvise(at, length,
			advice[fuzz_below(&fuzz.random, sizeof(advice) / sizeof(*advice))]);
	}
}
