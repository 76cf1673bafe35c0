// SPDX-License-Identifier: MIT
/*
 * How much does one operation cost? Runs one pattern, after a tenth of the work as a warm-up, and
 * times it itself. The program does not use libpinned's interface; the caller chooses which malloc
 * is measured. Prints nanoseconds per operation, of elapsed time and of CPU time.
 *
 * usage: micro --list | micro PATTERN [PERCENT]
 */
#include "clock.h"
#include "suite/workload.h"

#define BATCH 100
#define LIVE 10000
#define BULK 1000
#define BLOCKS 16
#define RING 4096

/* Hides from the compiler that the object is unused. */
static void *keep(void *object)
{
	__asm__ volatile("" : "+r"(object) : : "memory");
	return checked(object);
}

static void pairs(size_t size, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(keep(malloc(size)));
}

static void batches(size_t size, size_t count)
{
	void *objects[BATCH];

	for (size_t done = 0; done < count; done += BATCH) {
		for (size_t i = 0; i < BATCH; i++)
			objects[i] = keep(malloc(size));
		for (size_t i = 0; i < BATCH; i++)
			free(objects[i]);
	}
}

/* Replaces random objects among @live ones of 16 bytes to 2 KiB. */
static void mix(uint64_t seed, size_t live, size_t count)
{
	void **objects = checked(calloc(live, sizeof(*objects)));
	uint64_t random = random_seed(seed);

	for (size_t i = 0; i < count; i++) {
		void **object = &objects[random_below(&random, live)];

		free(*object);
		*object = take(random_size(&random, 16, 7));
	}
	for (size_t i = 0; i < live; i++)
		free(objects[i]);
	free(objects);
}

static void mixed(size_t size, size_t count)
{
	(void)size;
	mix(0, LIVE, count);
}

/* Allocates many objects of 1 to 64 KiB, then frees all of them. */
static void bulk(size_t size, size_t count)
{
	static void *objects[BULK];
	uint64_t random = random_seed(0);

	(void)size;
	for (size_t done = 0; done < count; done += BULK) {
		for (size_t i = 0; i < BULK; i++)
			objects[i] = take(1024 + random_below(&random, 63 * 1024));
		for (size_t i = 0; i < BULK; i++)
			free(objects[i]);
	}
}

static void grow(size_t size, size_t count)
{
	for (size_t done = 0; done < count;) {
		void *object = NULL;

		for (size_t now = 16; now <= size && done < count; now += now / 2, done++) {
			object = keep(realloc(object, now));
			touch(object, now);
		}
		free(object);
	}
}

static void zeroed(size_t size, size_t count)
{
	void *objects[BATCH];

	for (size_t done = 0; done < count; done += BATCH) {
		for (size_t i = 0; i < BATCH; i++)
			objects[i] = keep(calloc(1, size + 8 * i));
		for (size_t i = 0; i < BATCH; i++)
			free(objects[i]);
	}
}

static void aligned(size_t size, size_t count)
{
	void *objects[BATCH];

	for (size_t done = 0; done < count; done += BATCH) {
		for (size_t i = 0; i < BATCH; i++)
			objects[i] = keep(aligned_alloc((size_t)64 << i % 4, size << i % 4));
		for (size_t i = 0; i < BATCH; i++)
			free(objects[i]);
	}
}

/*
 * Replaces blocks too large for most allocators' caches by others of similar size, and uses them.
 */
static void large(size_t size, size_t count)
{
	void *blocks[BLOCKS] = { NULL };
	uint64_t random = random_seed(0);

	for (size_t i = 0; i < count; i++) {
		void **block = &blocks[random_below(&random, BLOCKS)];

		free(*block);
		*block = take(size + random_below(&random, 3 * size));
	}
	for (size_t i = 0; i < BLOCKS; i++)
		free(blocks[i]);
}

/* Replaces random ones of 16 objects of 60 to 90 KB. */
static void *replace_medium(void *arg)
{
	size_t count = *(size_t *)arg;
	void *objects[BLOCKS] = { NULL };
	uint64_t random = random_seed((uintptr_t)arg);

	for (size_t i = 0; i < count; i++) {
		void **object = &objects[random_below(&random, BLOCKS)];

		free(*object);
		*object = take(60000 + random_below(&random, 30000));
	}
	for (size_t i = 0; i < BLOCKS; i++)
		free(objects[i]);
	return NULL;
}

struct ring {
	void *objects[RING];
	size_t put;
	size_t got;
	size_t count;
};

static void *consume(void *arg)
{
	struct ring *ring = arg;

	for (size_t i = 0; i < ring->count; i++) {
		while (__atomic_load_n(&ring->put, __ATOMIC_ACQUIRE) == i)
			sched_yield();
		free(ring->objects[i % RING]);
		__atomic_store_n(&ring->got, i + 1, __ATOMIC_RELEASE);
	}
	return NULL;
}

/* One thread allocates, another thread frees. */
static void hand_over(size_t size, size_t count)
{
	static struct ring ring;
	pthread_t consumer;

	ring = (struct ring){ .count = count };
	if (pthread_create(&consumer, NULL, consume, &ring))
		exit(1);
	for (size_t i = 0; i < count; i++) {
		while (i - __atomic_load_n(&ring.got, __ATOMIC_ACQUIRE) == RING)
			sched_yield();
		ring.objects[i % RING] = take(size);
		__atomic_store_n(&ring.put, i + 1, __ATOMIC_RELEASE);
	}
	pthread_join(consumer, NULL);
}

static void *mix_in_thread(void *arg)
{
	size_t count = *(size_t *)arg;

	mix((uintptr_t)arg, 1000, count);
	return NULL;
}

/* Divides the same work among @count_threads threads. */
static void divide(void *(*body)(void *), size_t count_threads, size_t count)
{
	size_t counts[THREADS_MAX];

	for (size_t i = 0; i < count_threads; i++)
		counts[i] = count / count_threads;
	run_threads(count_threads, body, counts, sizeof(counts[0]));
}

static void threads(size_t count_threads, size_t count)
{
	divide(mix_in_thread, count_threads, count);
}

static void medium(size_t count_threads, size_t count)
{
	divide(replace_medium, count_threads, count);
}

static const struct pattern {
	const char *name;
	void (*body)(size_t argument, size_t count);
	size_t argument;
	size_t count;
} patterns[] = {
	{ "pair16", pairs, 16, 10000000 },	  { "pair64", pairs, 64, 10000000 },
	{ "pair4k", pairs, 4096, 10000000 },	  { "pair32k", pairs, 32768, 10000000 },
	{ "batch64", batches, 64, 10000000 },	  { "batch4k", batches, 4096, 300000 },
	{ "mixed10k", mixed, 0, 3000000 },	  { "bulk1k-64k", bulk, 0, 100000 },
	{ "producer64", hand_over, 64, 2000000 }, { "realloc", grow, 100000, 1000000 },
	{ "calloc", zeroed, 128, 2000000 },	  { "aligned", aligned, 64, 2000000 },
	{ "large", large, 160 << 10, 200000 },	  { "threads1", threads, 1, 3000000 },
	{ "threads2", threads, 2, 3000000 },	  { "threads6", threads, 6, 3000000 },
	{ "medium1", medium, 1, 1000000 },	  { "medium2", medium, 2, 1000000 },
};

#define PATTERNS (sizeof(patterns) / sizeof(patterns[0]))

static void time_pattern(const struct pattern *pattern, size_t count)
{
	struct moment begin, cost;

	pattern->body(pattern->argument, count / 10 + 1);
	begin = now();
	pattern->body(pattern->argument, count);
	cost = since(begin, count);
	printf("%.3f %.3f\n", cost.wall, cost.cpu);
}

int main(int argc, char **argv)
{
	for (size_t i = 0; i < PATTERNS && argc > 1; i++) {
		if (!strcmp(argv[1], "--list")) {
			puts(patterns[i].name);
		} else if (!strcmp(argv[1], patterns[i].name)) {
			time_pattern(&patterns[i], amount(argc - 1, argv + 1, patterns[i].count));
			return 0;
		}
	}
	return argc == 2 && !strcmp(argv[1], "--list") ? 0 : 2;
}
