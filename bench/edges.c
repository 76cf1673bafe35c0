// SPDX-License-Identifier: MIT
/*
 * What an allocator does at its edges: with large objects, beside a thread that gets much memory,
 * after a peak, and in its worst call. Each case prints lines "FIGURE VALUE". Times are elapsed
 * times of single calls or of a pair of malloc and free; memory is what is resident (VmRSS).
 * The caller chooses which malloc is measured.
 *
 * usage: edges --list | edges CASE [PERCENT]
 */
#include <unistd.h>

#include "clock.h"
#include "suite/workload.h"

#define MEBIBYTE ((size_t)1 << 20)
#define IDLE_THREADS 1000
#define IDLE_SIZE (19 * MEBIBYTE / 10)
#define LIVE_LARGE 10000
#define PEAK_SIZE (64 << 10)
#define BUCKETS_A_DOUBLING 16
#define DOUBLINGS 40
#define BUCKETS (BUCKETS_A_DOUBLING * DOUBLINGS)

static double percent = 100;

static size_t share_of(size_t full)
{
	size_t share = (size_t)((double)full * percent / 100);

	return share ? share : 1;
}

static double time_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

static double resident_mib(void)
{
	size_t size, resident;
	FILE *file = fopen("/proc/self/statm", "r");

	if (!file || fscanf(file, "%zu %zu", &size, &resident) != 2)
		exit(1);
	fclose(file);
	return (double)resident * (double)sysconf(_SC_PAGESIZE) / (double)MEBIBYTE;
}

static void fill(void *object, size_t size)
{
	for (size_t at = 0; at < size; at += 4096)
		((volatile char *)object)[at] = 1;
}

/* How often calls took how long; a bucket is a sixteenth of a doubling. */
struct histogram {
	size_t buckets[BUCKETS];
	size_t count;
	double worst;
};

static void count_call(struct histogram *histogram, double ns)
{
	uint64_t whole = ns < 16 ? 16 : (uint64_t)ns;
	unsigned int doubling = 63 - (unsigned int)__builtin_clzll(whole);
	size_t bucket = doubling * BUCKETS_A_DOUBLING + (whole >> (doubling - 4)) - 16;

	histogram->buckets[bucket < BUCKETS ? bucket : BUCKETS - 1]++;
	histogram->count++;
	if (ns > histogram->worst)
		histogram->worst = ns;
}

/* Returns the time that @part of all calls do not exceed, to a sixteenth of its doubling. */
static double quantile(const struct histogram *histogram, double part)
{
	size_t left = (size_t)((double)histogram->count * part);
	size_t bucket = 0;

	while (bucket < BUCKETS - 1 && histogram->buckets[bucket] <= left)
		left -= histogram->buckets[bucket++];
	return (double)(((uint64_t)1 << (bucket / BUCKETS_A_DOUBLING)) *
			(16 + bucket % BUCKETS_A_DOUBLING)) /
	       16;
}

static void print_histogram(const char *call, const struct histogram *histogram)
{
	printf("%s_p50_ns %.0f\n", call, quantile(histogram, 0.5));
	printf("%s_p99_ns %.0f\n", call, quantile(histogram, 0.99));
	printf("%s_p99.99_ns %.0f\n", call, quantile(histogram, 0.9999));
	printf("%s_worst_ns %.0f\n", call, histogram->worst);
}

/* Replaces random objects of 16 bytes to 2 KiB among 10000, and times each call. */
#define SLOTS 10000

struct timed {
	size_t count;
	uint64_t random;
	struct histogram mallocs;
	struct histogram frees;
};

static void *replace_timed(void *arg)
{
	struct timed *timed = arg;
	void **slots = checked(calloc(SLOTS, sizeof(*slots)));

	for (size_t i = 0; i < timed->count; i++) {
		void **slot = &slots[random_below(&timed->random, SLOTS)];
		size_t size = random_size(&timed->random, 16, 7);
		double begin = time_ns(), middle;

		free(*slot);
		middle = time_ns();
		*slot = malloc(size);
		count_call(&timed->mallocs, time_ns() - middle);
		count_call(&timed->frees, middle - begin);
		touch(checked(*slot), size);
	}
	for (size_t i = 0; i < SLOTS; i++)
		free(slots[i]);
	free(slots);
	return NULL;
}

static void latency(void)
{
	static struct timed timed[2];
	struct histogram *mallocs = &timed[0].mallocs, *frees = &timed[0].frees;

	for (size_t i = 0; i < 2; i++) {
		timed[i].count = share_of(2000000);
		timed[i].random = random_seed(i);
	}
	run_threads(2, replace_timed, timed, sizeof(timed[0]));
	for (size_t i = 0; i < BUCKETS; i++) {
		mallocs->buckets[i] += timed[1].mallocs.buckets[i];
		frees->buckets[i] += timed[1].frees.buckets[i];
	}
	mallocs->count += timed[1].mallocs.count;
	frees->count += timed[1].frees.count;
	if (timed[1].mallocs.worst > mallocs->worst)
		mallocs->worst = timed[1].mallocs.worst;
	if (timed[1].frees.worst > frees->worst)
		frees->worst = timed[1].frees.worst;
	print_histogram("malloc", mallocs);
	print_histogram("free", frees);
}

/* Another thread gets 256 MiB, writes to it, and frees it, again and again. */
static int stop;

static void *get_much(void *arg)
{
	size_t size = share_of(256 * MEBIBYTE);

	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		char *object = checked(malloc(size));

		fill(object, size);
		free(object);
	}
	return arg;
}

static void beside_large(void)
{
	static struct histogram mallocs;
	size_t count = share_of(2000000);
	uint64_t random = random_seed(0);
	void *kept[64] = { NULL };
	pthread_t other;

	if (pthread_create(&other, NULL, get_much, NULL))
		exit(1);
	for (size_t i = 0; i < count; i++) {
		void **slot = &kept[random_below(&random, 64)];
		size_t size = random_size(&random, 64, 12);
		double begin;

		free(*slot);
		begin = time_ns();
		*slot = malloc(size);
		count_call(&mallocs, time_ns() - begin);
		touch(checked(*slot), size);
	}
	__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
	pthread_join(other, NULL);
	print_histogram("malloc", &mallocs);
}

/* Allocates @size bytes in objects of 64 KiB, writes to them, and frees all. */
static void make_peak(size_t size)
{
	size_t count = size / PEAK_SIZE + 1;
	void **objects = checked(calloc(count, sizeof(*objects)));

	for (size_t i = 0; i < count; i++) {
		objects[i] = checked(malloc(PEAK_SIZE));
		fill(objects[i], PEAK_SIZE);
	}
	for (size_t i = 0; i < count; i++)
		free(objects[i]);
	free(objects);
}

static void after_peak(void)
{
	static struct histogram mallocs;
	double end;

	make_peak(share_of(1000 * MEBIBYTE));
	end = time_ns() + (double)share_of(3000) * 1e6;
	while (time_ns() < end) {
		double begin = time_ns();
		void *object = malloc(1 << 10);

		count_call(&mallocs, time_ns() - begin);
		free(checked(object));
	}
	print_histogram("malloc", &mallocs);
}

/* Prints the resident memory at the end of @seconds, and @busy, if given, all the time. */
static void watch_memory(void (*busy)(void))
{
	static const double moments_s[] = { 0, 0.1, 0.5, 1, 2, 5, 10 };
	double begin = time_ns();

	for (size_t i = 0; i < sizeof(moments_s) / sizeof(moments_s[0]); i++) {
		double until = begin + moments_s[i] * 1e9 * percent / 100;

		while (time_ns() < until) {
			if (busy)
				busy();
			else
				usleep(1000);
		}
		printf("held_mib_after_%gs %.1f\n", moments_s[i], resident_mib());
	}
}

static void use_three_sizes(void)
{
	static const size_t sizes[] = { 24, 100, 700 };
	void *objects[300];

	for (size_t i = 0; i < 300; i++)
		objects[i] = take(sizes[i % 3]);
	for (size_t i = 0; i < 300; i++)
		free(objects[i]);
}

static void busy_after_peak(void)
{
	make_peak(share_of(512 * MEBIBYTE));
	watch_memory(use_three_sizes);
}

static pthread_barrier_t all_allocated, all_freed, watched;

static void *allocate_and_idle(void *arg)
{
	void *object = checked(malloc(IDLE_SIZE));

	fill(object, IDLE_SIZE);
	pthread_barrier_wait(&all_allocated);
	free(object);
	pthread_barrier_wait(&all_freed);
	pthread_barrier_wait(&watched);
	return arg;
}

static void idle_threads(void)
{
	unsigned int count = (unsigned int)share_of(IDLE_THREADS);
	pthread_t *threads = checked(calloc(count, sizeof(*threads)));
	pthread_attr_t attributes;

	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, 64 << 10);
	pthread_barrier_init(&all_allocated, NULL, count);
	pthread_barrier_init(&all_freed, NULL, count + 1);
	pthread_barrier_init(&watched, NULL, count + 1);
	for (size_t i = 0; i < count; i++)
		if (pthread_create(&threads[i], &attributes, allocate_and_idle, NULL))
			exit(1);
	pthread_barrier_wait(&all_freed);
	watch_memory(NULL);
	pthread_barrier_wait(&watched);
	for (size_t i = 0; i < count; i++)
		pthread_join(threads[i], NULL);
	free(threads);
}

/* A pair of malloc and free of 6 MB among 10000 live objects of 4 MB, none of which is written. */
static void among_live(void)
{
	size_t live = share_of(LIVE_LARGE), count = share_of(20000);
	void **objects = checked(calloc(live, sizeof(*objects)));
	double begin;

	for (size_t i = 0; i < live; i++)
		objects[i] = checked(malloc(4000000));
	begin = time_ns();
	for (size_t i = 0; i < count; i++)
		free(checked(malloc(6000000)));
	printf("pair_ns %.0f\n", (time_ns() - begin) / (double)count);
	for (size_t i = 0; i < live; i++)
		free(objects[i]);
	free(objects);
}

static void large_calloc(void)
{
	size_t count = share_of(100);
	double begin = time_ns(), held = 0;

	for (size_t i = 0; i < count; i++) {
		volatile char *object = checked(calloc(128, MEBIBYTE));

		object[64 * MEBIBYTE] = 1;
		if (i + 1 == count)
			held = resident_mib();
		free((void *)object);
	}
	printf("pair_ns %.0f\nheld_mib %.1f\n", (time_ns() - begin) / (double)count, held);
}

static const struct edge {
	const char *name;
	void (*body)(void);
} edges[] = {
	{ "latency", latency },		  { "beside_large", beside_large },
	{ "after_peak", after_peak },	  { "busy_after_peak", busy_after_peak },
	{ "idle_threads", idle_threads }, { "among_live", among_live },
	{ "large_calloc", large_calloc },
};

int main(int argc, char **argv)
{
	for (size_t i = 0; i < sizeof(edges) / sizeof(edges[0]) && argc > 1; i++) {
		if (!strcmp(argv[1], "--list")) {
			puts(edges[i].name);
		} else if (!strcmp(argv[1], edges[i].name)) {
			if (argc > 2)
				percent = strtod(argv[2], NULL);
			edges[i].body();
			return 0;
		}
	}
	return argc == 2 && !strcmp(argv[1], "--list") ? 0 : 2;
}
