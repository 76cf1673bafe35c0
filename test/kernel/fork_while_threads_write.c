// SPDX-License-Identifier: MIT
/*
 * While other threads write without pause, a forked child's snapshot shows each of them at one
 * moment: of two words that a thread writes one after the other, in any two chunks and mappings,
 * the second is never newer than the first nor more than one write older. The threads lose no
 * write, and no page of theirs moves (Faults A20, B12).
 */
#include "guest.h"

#include <pthread.h>

#define SLOTS 4UL
/* Takes a few seconds, and suffices to show a torn snapshot. */
#define FORKS 60
#define FORKS_MIN 15
#define SECONDS 8
#define WRITERS 4

/* The thread writes a number to @first, then the same number to @second. */
struct writer {
	pthread_t thread;
	volatile uint64_t *first, *second;
};

static struct writer writers[WRITERS];
static volatile bool is_over;

static void *write_on(void *arg)
{
	struct writer *w = arg;
	uint64_t number = 0;

	while (!is_over) {
		number++;
		__atomic_store_n(w->first, number, __ATOMIC_SEQ_CST);
		__atomic_store_n(w->second, number, __ATOMIC_SEQ_CST);
		if (*w->first != number || *w->second != number)
			FAIL("thread lost a write: expected %llu, got %llu and %llu",
			     (unsigned long long)number, (unsigned long long)*w->first,
			     (unsigned long long)*w->second);
	}
	return NULL;
}

static void snapshot_is_one_moment(void *arg)
{
	uint64_t first, second;
	int i, look;

	(void)arg;
	for (i = 0; i < WRITERS; i++) {
		first = *writers[i].first;
		second = *writers[i].second;
		if (first != second && first != second + 1)
			FAIL("writer %d: expected the words equal or one apart, got %llu, %llu", i,
			     (unsigned long long)first, (unsigned long long)second);
		for (look = 0; look < 1000; look++)
			CHECK(*writers[i].first == first && *writers[i].second == second);
	}
}

static void start_writers(char *low, char *high)
{
	char *const ends[WRITERS][2] = {
		{ low + 256, low + CHUNK + 256 },
		{ low + CHUNK + 64, low + 64 },
		{ low + 5 * PAGE, high + CHUNK + 5 * PAGE },
		{ high + 128, low + CHUNK + 128 },
	};
	int i;

	for (i = 0; i < WRITERS; i++) {
		writers[i].first = (void *)ends[i][0];
		writers[i].second = (void *)ends[i][1];
		EQUAL(pthread_create(&writers[i].thread, NULL, write_on, &writers[i]), 0);
	}
}

static void all_writers_go_on(void)
{
	uint64_t was;
	int i;

	for (i = 0; i < WRITERS; i++) {
		was = *writers[i].second;
		while (*writers[i].second == was)
			sched_yield();
	}
}

int main(void)
{
	uint64_t phys[SLOTS], end = now_ns() + SECONDS * 1000000000ULL;
	int fd = open_pool(), i;
	char *low, *high;

	WORKS(populate(fd, 0, SLOTS, phys));
	/* Two mappings of the pool, which fork visits one after the other. */
	low = map_slots(fd, 0, 2);
	high = map_slots_off(fd, 2, 2, PAGE);
	start_writers(low, high);
	for (i = 0; i < FORKS && (i < FORKS_MIN || now_ns() < end); i++) {
		all_writers_go_on();
		ENDED_WELL(spawn(snapshot_is_one_moment, NULL));
		/* Fork has emptied the page tables; the next access fills them again. */
		touch_pages(low, PAGE);
		touch_pages(high + CHUNK + 6 * PAGE, PAGE);
		EQUAL(phys_of(low), phys[0]);
		EQUAL(phys_of(high + CHUNK + 6 * PAGE), phys[3] + 6 * PAGE);
	}
	all_writers_go_on();
	is_over = true;
	for (i = 0; i < WRITERS; i++)
		EQUAL(pthread_join(writers[i].thread, NULL), 0);
	map_again(fd, low, 0, 2);
	touch_pages(low, 2 * CHUNK);
	if (info_of(fd).features & PINNED_MEM_FEATURE_HUGE_MAP)
		EQUAL(smaps_kib(low, "FilePmdMapped"), 2 * CHUNK / 1024);
	return 0;
}
