// SPDX-License-Identifier: MIT
/*
 * The fuzzer's model: what each page of the window must show. See fuzz.h.
 */
#include "fuzz.h"

#include <setjmp.h>

static __thread sigjmp_buf after_try;
static __thread volatile bool is_trying;

/* Handles a signal of the access that is tried. Outside of such an access the signal kills. */
static void leave_try(int signal_number)
{
	if (!is_trying) {
		signal(signal_number, SIG_DFL);
		return;
	}
	is_trying = false;
	siglongjmp(after_try, signal_number);
}

void fuzz_catch_signals(void)
{
	struct sigaction action = { .sa_handler = leave_try, .sa_flags = SA_NODEFER };

	sigaction(SIGBUS, &action, NULL);
	sigaction(SIGSEGV, &action, NULL);
}

int fuzz_try_read(const void *at, uint64_t *value)
{
	int got;

	got = sigsetjmp(after_try, 0);
	is_trying = !got;
	if (!got)
		*value = *(const volatile uint64_t *)at;
	is_trying = false;
	return got;
}

int fuzz_try_write(void *at, uint64_t value)
{
	int got;

	got = sigsetjmp(after_try, 0);
	is_trying = !got;
	if (!got)
		*(volatile uint64_t *)at = value;
	is_trying = false;
	return got;
}

/* Chunks. */

int model_chunk_new(void)
{
	for (int i = 0; i < CHUNKS; i++) {
		if (fuzz.model.chunks[i].refs)
			continue;
		memset(&fuzz.model.chunks[i], 0, sizeof(fuzz.model.chunks[i]));
		fuzz.model.chunks[i].refs = 1;
		return i;
	}
	WRONG("the fuzzer itself: more chunks than its model has");
}

void model_chunk_get(int chunk)
{
	fuzz.model.chunks[chunk].refs++;
}

void model_chunk_put(int chunk)
{
	fuzz.model.chunks[chunk].refs--;
}

bool model_pool_is_empty(const struct model_pool *pool)
{
	for (unsigned long i = 0; i < SLOTS; i++)
		if (pool->chunks[i] != NO_CHUNK)
			return false;
	return true;
}

/* Places. */

char *model_address(unsigned int place, unsigned long page)
{
	return fuzz.window + place * PLACE_STRIDE + page * PAGE;
}

struct model_page *model_page_at(unsigned int place, unsigned long page)
{
	return &fuzz.model.pages[place][page];
}

/* Returns a random span: mostly whole chunks, sometimes any pages. */
struct span model_random_span(void)
{
	struct fuzz_random *r = &fuzz.random;
	struct span span = { .place = fuzz_below(r, PLACES) };
	unsigned long unit = fuzz_once_in(r, 2) ? CHUNK_PAGES : fuzz_once_in(r, 2) ? 1 : 64;
	unsigned long units = PLACE_PAGES / unit;

	span.first = fuzz_below(r, units);
	span.count = (1 + fuzz_below(r, units - span.first)) * unit;
	span.first *= unit;
	return span;
}

bool model_random_mapped(unsigned int *place, unsigned long *page)
{
	struct fuzz_random *r = &fuzz.random;

	for (int i = 0; i < 30; i++) {
		*place = fuzz_below(r, PLACES);
		*page = fuzz_below(r, PLACE_PAGES);
		if (model_page_at(*place, *page)->pool != NO_POOL)
			return true;
	}
	return false;
}

uint64_t *model_value(const struct model_page *page)
{
	unsigned long slot = page->pgoff / CHUNK_PAGES;
	int chunk;

	if (page->pool == NO_POOL || slot >= SLOTS)
		return NULL;
	chunk = fuzz.model.pools[page->pool].chunks[slot];
	return chunk == NO_CHUNK ? NULL
				 : &fuzz.model.chunks[chunk].pages[page->pgoff % CHUNK_PAGES];
}

/* Checks some words of a page, and once in a while all of them. */
void model_check_words(const uint64_t *words, size_t count, uint64_t value, const char *what)
{
	size_t step = fuzz_once_in(&fuzz.random, 8) ? 1 : 1 + fuzz_below(&fuzz.random, count);

	for (size_t i = 0; i < count; i += step) {
		uint64_t got = ((const volatile uint64_t *)words)[i];

		if (got != value)
			WRONG("%s, word %zu: expected %#llx, got %#llx%s", what, i,
			      (unsigned long long)value, (unsigned long long)got,
			      fuzz_is_own(got) ? "" : ", which is another process's");
	}
}

/*
 * Returns whether an access to @page may raise SIGBUS although the page has a value. A mapping that
 * was made before the pool got its memory type shows no memory, unless fork() has turned the
 * mapping into one of copies. If there is no memory for a copy, the child gets SIGBUS.
 */
static bool may_be_missing(const struct model_page *page)
{
	const struct model_pool *pool = &fuzz.model.pools[page->pool];

	return page->memory_type != pool->memory_type || (!pool->is_mine && fuzz.is_starved);
}

static int expected_signal(const struct model_page *page, int needed)
{
	if (page->pool == NO_POOL || !(page->prot & needed))
		return SIGSEGV;
	return model_value(page) ? 0 : SIGBUS;
}

static bool is_signal_right(const struct model_page *page, int got, int expected)
{
	/* If the kernel has no memory for a signal's frame, the signal becomes SIGSEGV. */
	if (got == expected || (got && expected && fuzz.is_starved))
		return true;
	if ((got != SIGBUS && !fuzz.is_starved) || expected || !may_be_missing(page))
		return false;
	fuzz_count(&totals->missing_pages);
	return true;
}

static void wrong_signal(const char *what, unsigned int place, unsigned long page, int got,
			 int expected)
{
	const struct model_page *p = model_page_at(place, page);

	WRONG("%s place %u page %lu (pool %d, pgoff %u, prot %d): expected signal %d, got %d", what,
	      place, page, p->pool, p->pgoff, p->prot, expected, got);
}

void model_check(unsigned int place, unsigned long page)
{
	const struct model_page *p = model_page_at(place, page);
	char *at = model_address(place, page);
	int expected = expected_signal(p, PROT_READ), got;
	char what[80];
	uint64_t value;

	got = fuzz_try_read(at, &value);
	if (!is_signal_right(p, got, expected))
		wrong_signal("read of", place, page, got, expected);
	if (got)
		return;
	snprintf(what, sizeof(what), "place %u page %lu (pool %d, pgoff %u)", place, page, p->pool,
		 p->pgoff);
	model_check_words((const uint64_t *)at, PAGE / sizeof(uint64_t), *model_value(p), what);
}

void model_check_some(unsigned int pages)
{
	unsigned long page;
	unsigned int place;

	while (pages--)
		if (model_random_mapped(&place, &page))
			model_check(place, page);
}

void model_write(unsigned int place, unsigned long page)
{
	struct model_page *p = model_page_at(place, page);
	volatile uint64_t *words = (void *)model_address(place, page);
	int expected = expected_signal(p, PROT_WRITE), got;
	uint64_t stamp = fuzz_new_stamp();

	got = fuzz_try_write((void *)words, stamp);
	if (!is_signal_right(p, got, expected))
		wrong_signal("write to", place, page, got, expected);
	if (got)
		return;
	for (size_t i = 1; i < PAGE / sizeof(*words); i++)
		words[i] = stamp;
	*model_value(p) = stamp;
}

static void clear_pages(const struct span *span)
{
	for (unsigned long i = 0; i < span->count; i++)
		*model_page_at(span->place, span->first + i) =
			(struct model_page){ .pool = NO_POOL };
}

void model_forget(const struct span *span)
{
	char *at = model_address(span->place, span->first);

	while (munmap(at, span->count * PAGE))
		if (!fuzz_is_shortage(errno))
			WRONG("munmap(): expected success, got %s", strerrorname_np(errno));
	clear_pages(span);
}

void model_close_all(void)
{
	for (int i = 0; i < EXPORTS; i++) {
		struct model_export *export = &fuzz.model.exports[i];

		if (export->fd < 0)
			continue;
		close(export->fd);
		export->fd = -1;
		for (unsigned int j = 0; j < export->count; j++)
			model_chunk_put(export->chunks[j]);
	}
}

/*
 * Called in a forked child. It drops dma-bufs, which show the parent's chunks, and keeps mappings.
 */
void model_inherit(void)
{
	model_close_all();
	for (int i = 0; i < POOLS; i++)
		fuzz.model.pools[i].is_mine = false;
	for (unsigned int place = 0; place < PLACES; place++)
		for (unsigned long i = 0; i < PLACE_PAGES; i++)
			if (model_page_at(place, i)->is_dont_fork)
				clear_pages(&(struct span){ place, i, 1 });
}
