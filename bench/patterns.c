// SPDX-License-Identifier: MIT
/*
 * How much memory a program holds whose use of memory changes: what is left of many small objects,
 * sizes that drift, vectors that grow in turn, sizes just above powers of two, two large vectors,
 * many threads, a server's days, and a peak. Afterwards the program goes on for ten seconds with
 * little work, as such programs do, so that an allocator can give memory back.
 *
 * usage: patterns PATTERN [SECONDS]
 *
 * Prints five figures in KiB: the largest resident size; the largest sum of the live objects'
 * sizes; the same with each size rounded up to a power of two (or, beyond 32 KiB, to whole pages,
 * and beyond 2 MiB to multiples of that), which is what an allocator with such classes needs; the
 * resident size at the end; and the sum of the sizes that are live then.
 */
#include <sys/resource.h>
#include <unistd.h>

#include "clock.h"
#include "suite/workload.h"

#define KIB ((size_t)1 << 10)
#define MIB ((size_t)1 << 20)
#define PAGE ((size_t)4 << 10)
#define CHUNK ((size_t)2 << 20)

static size_t live, rounded, live_peak, rounded_peak;

static size_t round_to(size_t size, size_t unit)
{
	return (size + unit - 1) / unit * unit;
}

static size_t round_size(size_t size)
{
	size_t power = 16;

	if (size > CHUNK)
		return round_to(size, CHUNK);
	if (size > 32 * KIB)
		return round_to(size, PAGE);
	while (power < size)
		power *= 2;
	return power;
}

static void count(size_t size)
{
	live += size;
	rounded += round_size(size);
	live_peak = live > live_peak ? live : live_peak;
	rounded_peak = rounded > rounded_peak ? rounded : rounded_peak;
}

static void uncount(size_t size)
{
	live -= size;
	rounded -= round_size(size);
}

static void *get(size_t size)
{
	void *object = take(size);

	count(size);
	memset(object, 1, size);
	return object;
}

static void put(void *object, size_t size)
{
	uncount(size);
	free(object);
}

static char *grow(char *object, size_t from, size_t to)
{
	char *grown = realloc(object, to);

	if (!grown)
		exit(1);
	memset(grown + from, 1, to - from);
	uncount(from);
	count(to);
	return grown;
}

/* One object in 300 survives; then the program uses another size. */
static void survivors(void)
{
	size_t many = 3000000, next = 60000;
	void **objects = get(many * sizeof(*objects));

	for (size_t i = 0; i < many; i++)
		objects[i] = get(100);
	for (size_t i = 0; i < many; i++)
		if (i % 300)
			put(objects[i], 100);
	for (size_t i = 0; i < next; i++)
		get(1500);
}

/* The sizes of a constant number of objects drift from 50 to 950 bytes. */
static void drift(void)
{
	size_t many = 200000;
	uint64_t random = random_seed(1);
	void **objects = get(many * sizeof(*objects));
	size_t *sizes = get(many * sizeof(*sizes));

	for (size_t i = 0; i < many; i++)
		objects[i] = get(sizes[i] = 50);
	for (size_t step = 0; step < 10 * many; step++) {
		size_t i = random_below(&random, many);

		put(objects[i], sizes[i]);
		objects[i] = get(sizes[i] = 50 + step * 900 / (10 * many));
	}
}

static void vectors_in_turn(void)
{
	enum { VECTORS = 200, STEPS = 250 };
	char *vectors[VECTORS] = { NULL };

	for (size_t step = 0; step < STEPS; step++)
		for (size_t i = 0; i < VECTORS; i++)
			vectors[i] = grow(vectors[i], step * PAGE, (step + 1) * PAGE);
}

static void above_powers(void)
{
	for (size_t i = 0; i < 120000; i++)
		get(((size_t)64 << i % 9) + 1);
}

/* Two vectors double in turn. */
static void two_vectors(void)
{
	char *vectors[2] = { NULL, NULL };

	for (size_t size = MIB, before = 0; size <= 512 * MIB; before = size, size *= 2)
		for (size_t i = 0; i < 2; i++)
			vectors[i] = grow(vectors[i], before, size);
	for (size_t i = 0; i < 2; i++)
		put(vectors[i], 512 * MIB);
}

static pthread_barrier_t barrier;

static void *short_thread(void *seed)
{
	uint64_t random = random_seed((size_t)seed);
	void *objects[20];

	for (size_t i = 0; i < 20; i++)
		objects[i] = take(16 + random_below(&random, 2000));
	for (size_t i = 0; i < 20; i++)
		free(objects[i]);
	pthread_barrier_wait(&barrier);
	pthread_barrier_wait(&barrier);
	return NULL;
}

/* All threads have freed what they had, and sleep. */
static void threads(void)
{
	enum { MANY = 10000 };
	pthread_attr_t attributes;
	pthread_t thread;

	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, 64 * KIB);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	pthread_barrier_init(&barrier, NULL, MANY + 1);
	for (size_t i = 0; i < MANY; i++)
		if (pthread_create(&thread, &attributes, short_thread, (void *)i))
			exit(1);
	pthread_barrier_wait(&barrier);
}

/* Requests of many sizes, sessions that stay, and a load that rises and falls each day. */
static void server(void)
{
	enum { SESSIONS = 60000, HOURS = 24 };
	static void *objects[SESSIONS];
	static size_t sizes[SESSIONS];
	uint64_t random = random_seed(2);

	for (size_t hour = 0; hour < HOURS; hour++) {
		size_t load = SESSIONS * (hour < 12 ? hour + 1 : HOURS - hour) / 12;

		for (size_t i = 0; i < 5 * SESSIONS; i++) {
			size_t at = random_below(&random, SESSIONS);

			if (objects[at])
				put(objects[at], sizes[at]);
			sizes[at] = 0;
			objects[at] = NULL;
			if (at >= load)
				continue;
			sizes[at] =
				32 + random_below(&random, (size_t)64 << random_below(&random, 9));
			objects[at] = get(sizes[at]);
		}
	}
}

static void peak(void)
{
	size_t many = 512 * MIB / 1000;
	void **objects = get(many * sizeof(*objects));

	for (size_t i = 0; i < many; i++)
		objects[i] = get(1000);
	for (size_t i = 0; i < many; i++)
		put(objects[i], 1000);
	put(objects, many * sizeof(*objects));
}

static const struct pattern {
	const char *name;
	void (*run)(void);
} patterns[] = {
	{ "survivors", survivors },	{ "drift", drift },
	{ "vectors", vectors_in_turn }, { "above-powers", above_powers },
	{ "two-vectors", two_vectors }, { "threads", threads },
	{ "server", server },		{ "peak", peak },
};

/* Works a little on three sizes. */
static void go_on(double seconds)
{
	double end = clock_ns(CLOCK_MONOTONIC) + seconds * 1e9;

	while (clock_ns(CLOCK_MONOTONIC) < end) {
		for (size_t i = 0; i < 3000; i++)
			free(take((size_t[]){ 40, 100, 400 }[i % 3]));
		usleep(1000);
	}
}

static size_t resident(void)
{
	unsigned long size, pages = 0;
	FILE *file = fopen("/proc/self/statm", "r");

	if (!file || fscanf(file, "%lu %lu", &size, &pages) != 2)
		exit(1);
	fclose(file);
	return pages * PAGE / KIB;
}

int main(int argc, char **argv)
{
	double seconds = argc > 2 ? strtod(argv[2], NULL) : 10;
	struct rusage usage;

	for (size_t i = 0; argc > 1 && i < sizeof(patterns) / sizeof(*patterns); i++) {
		if (strcmp(argv[1], patterns[i].name))
			continue;
		patterns[i].run();
		go_on(seconds);
		getrusage(RUSAGE_SELF, &usage);
		printf("%ld %zu %zu %zu %zu\n", usage.ru_maxrss, live_peak / KIB,
		       rounded_peak / KIB, resident(), live / KIB);
		fflush(stdout);
		_exit(0);
	}
	fprintf(stderr, "usage: patterns PATTERN [SECONDS]\n");
	return 2;
}
