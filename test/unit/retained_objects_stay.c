// SPDX-License-Identifier: MIT
/*
 * Protects memory that a device is using: a retained object is not reused until its last release,
 * whichever thread frees it in the meantime. Memory that is freed but never released is limited. A
 * retain that races with a free either holds the object or fails; for small objects, whose callers
 * must prevent that race, the library's assertions find it (Faults B12, B34, B35, E15).
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pinned.h"
#include "suite.h"

static const size_t sizes[] = { 1, 64, 1024, 4096, 32768, 65536, 131072, 2097152, 6000000 };
#define SIZES ((int)(sizeof(sizes) / sizeof(sizes[0])))

static struct pinned_stats figures(void)
{
	struct pinned_stats stats = { .size = sizeof(stats) };

	ck_assert_int_eq(pinned_stats(&stats), 0);
	return stats;
}

static struct pinned_heap *make_heap(void)
{
	struct pinned_heap *heap = pinned_heap_create(NULL);

	ck_assert_ptr_nonnull(heap);
	return heap;
}

/* Checks that no new allocation overlaps the object. */
static void nobody_gets(const char *object, size_t size)
{
	char *others[64];

	pinned_purge();
	for (size_t i = 0; i < 64; i++) {
		others[i] = pinned_malloc(size);
		ck_assert(others[i] + size <= object || object + size <= others[i]);
		memset(others[i], 'o', size);
	}
	for (size_t i = 0; i < 64; i++)
		pinned_free(others[i]);
}

static void retained_and_freed(struct pinned_heap *heap, size_t size)
{
	char *object = pinned_heap_malloc(heap, size);

	memset(object, 'r', size);
	ck_assert_int_eq(pinned_retain(object + size / 2), 0);
	ck_assert_int_eq(pinned_retain(object), 0);
	ck_assert_uint_eq(figures().retained_bytes, 0);
	pinned_free(object);
	ck_assert_uint_ge(figures().retained_bytes, size);
	nobody_gets(object, size);
	ck_assert_int_eq(pinned_release(object), 0);
	nobody_gets(object, size);
	ck_assert(object[0] == 'r' && !memcmp(object, object + 1, size - 1));
	ck_assert_int_eq(pinned_release(object + size - 1), 0);
	ck_assert_uint_eq(figures().retained_bytes, 0);
	ck_assert_uint_eq(figures().object_bytes - figures().cached_bytes, 0);
	errno = 0;
	ck_assert_int_eq(pinned_release(object), -1);
	ck_assert_int_eq(errno, EINVAL);
}

START_TEST(a_freed_object_stays_until_the_last_release)
{
	struct pinned_heap *heap = make_heap();

	retained_and_freed(NULL, sizes[_i]);
	retained_and_freed(heap, sizes[_i]);
	ck_assert_int_eq(pinned_heap_destroy(heap), 0);
}
END_TEST

START_TEST(a_released_object_is_freed_as_any)
{
	char *object = pinned_malloc(sizes[_i]);

	ck_assert_int_eq(pinned_retain(object), 0);
	ck_assert_int_eq(pinned_release(object), 0);
	ck_assert_uint_ge(pinned_usable_size(object), sizes[_i]);
	pinned_free(object);
	ck_assert_uint_eq(figures().object_bytes - figures().cached_bytes, 0);
	ck_assert_int_eq(pinned_retain(object), -1);
	ck_assert_int_eq(errno, EFAULT);
}
END_TEST

START_TEST(double_free)
{
	void *object = pinned_malloc(sizes[_i]);

	ck_assert_int_eq(pinned_retain(object), 0);
	pinned_free(object);
	pinned_free(object);
}
END_TEST

START_TEST(free_after_the_last_release)
{
	void *object = pinned_malloc(sizes[_i]);

	ck_assert_int_eq(pinned_retain(object), 0);
	pinned_free(object);
	ck_assert_int_eq(pinned_release(object), 0);
	pinned_free(object);
}
END_TEST

/* For objects of each size: realloc() leaves the retained bytes as they were. */
START_TEST(realloc_gives_nothing_back)
{
	char *object = pinned_malloc(sizes[_i]);

	memset(object, 'r', sizes[_i]);
	ck_assert_int_eq(pinned_retain(object), 0);
	for (int k = 0; k < SIZES; k++) {
		char *other = pinned_realloc(object, sizes[k]);
		size_t common = sizes[k] < sizes[_i] ? sizes[k] : sizes[_i];

		ck_assert_int_eq(other[common - 1], 'r');
		if (other == object) {
			ck_assert_uint_ge(pinned_usable_size(other), sizes[_i] / 2);
			continue;
		}
		nobody_gets(object, sizes[_i]);
		ck_assert_int_eq(object[sizes[_i] - 1], 'r');
		ck_assert_int_eq(pinned_release(object), 0);
		pinned_free(other);
		return;
	}
	pinned_free(object);
	ck_assert_int_eq(pinned_release(object), 0);
}
END_TEST

START_TEST(what_is_no_live_object_is_refused)
{
	char *object = pinned_malloc(100000), *chunks;
	int local = 0;

	chunks = pinned_chunks_alloc(NULL, 1, PINNED_CHUNK_SIZE, 0, NULL, NULL);
	errno = 0;
	ck_assert_int_eq(pinned_retain(&local), -1);
	ck_assert_int_eq(errno, EFAULT);
	ck_assert_int_eq(pinned_retain(NULL), -1);
	ck_assert_int_eq(pinned_retain(chunks + 5), -1);
	ck_assert_int_eq(pinned_retain(object + 100 * PINNED_CHUNK_SIZE), -1);
	ck_assert_int_eq(pinned_retain(object + 1000000), -1);
	errno = 0;
	ck_assert_int_eq(pinned_release(object), -1);
	ck_assert_int_eq(errno, EINVAL);
	ck_assert_int_eq(pinned_release(&local), -1);
	pinned_free(object);
	ck_assert_int_eq(pinned_chunks_free(chunks, 1), 0);
	ck_assert_uint_eq(figures().object_bytes - figures().cached_bytes, 0);
}
END_TEST

/* Checks that a pointer into any page of an object finds that object. */
static void each_page_leads_to_its_object(char *const *objects, const size_t *lengths, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		for (size_t at = 0; at < lengths[i]; at += 4096) {
			ck_assert_int_eq(pinned_retain(objects[i] + at), 0);
			ck_assert_int_eq(pinned_release(objects[i]), 0);
		}
		ck_assert_int_eq(pinned_retain(objects[i] + lengths[i] - 1), 0);
		ck_assert_int_eq(pinned_release(objects[i]), 0);
	}
}

/* No object is found from a page that was freed, or that an object lost when it shrank. */
START_TEST(an_object_is_found_from_each_of_its_pages)
{
	enum { COUNT = 40 };
	char *objects[COUNT], *again;
	size_t lengths[COUNT];
	unsigned int seed = test_seed();

	for (int i = 0; i < COUNT; i++) {
		lengths[i] = 33000 + (size_t)rand_r(&seed) % 700000;
		objects[i] = pinned_malloc(lengths[i]);
	}
	for (int round = 0; round < 200; round++) {
		size_t i = (size_t)rand_r(&seed) % COUNT, old = lengths[i];

		lengths[i] = 33000 + (size_t)rand_r(&seed) % (round % 3 ? 700000 : 2000000);
		if (round % 2) {
			pinned_free(objects[i]);
			pinned_purge();
			ck_assert_int_eq(pinned_retain(objects[i] + old / 2), -1);
			objects[i] = pinned_malloc(lengths[i]);
		} else {
			again = pinned_realloc(objects[i], lengths[i]);
			if (again == objects[i] && pinned_usable_size(again) + 4096 < old)
				ck_assert_int_eq(pinned_retain(again + old - 1), -1);
			objects[i] = again;
		}
		if (round % 10 == 0)
			each_page_leads_to_its_object(objects, lengths, COUNT);
	}
	for (int i = 0; i < COUNT; i++)
		pinned_free(objects[i]);
}
END_TEST

START_TEST(a_limit_on_what_is_freed_but_retained)
{
	size_t size = 10 * PINNED_CHUNK_SIZE, count = 0;
	char *objects[100];
	char *other = pinned_malloc(size);

	for (; count < 100; count++) {
		objects[count] = pinned_malloc(size);
		if (pinned_retain(objects[count]))
			break;
		pinned_free(objects[count]);
	}
	ck_assert_int_eq(errno, ENOBUFS);
	/* The default is 256 MiB. */
	ck_assert_uint_eq(count, 12);
	ck_assert_uint_eq(figures().retained_bytes, count * size);
	ck_assert_int_eq(pinned_retain(other), -1);
	/* Retaining the same object again does not count towards the limit. */
	ck_assert_int_eq(pinned_retain(objects[0]), 0);
	ck_assert_int_eq(pinned_release(objects[0]), 0);
	ck_assert_int_eq(pinned_release(objects[0]), 0);
	ck_assert_int_eq(pinned_retain(other), 0);
	for (size_t i = 1; i < count; i++)
		ck_assert_int_eq(pinned_release(objects[i]), 0);
	ck_assert_uint_eq(figures().retained_bytes, 0);
}
END_TEST

START_TEST(a_heap_with_retained_objects_stays)
{
	struct pinned_heap *heap = make_heap();
	char *object = pinned_heap_malloc(heap, 5000);

	memset(object, 'h', 5000);
	ck_assert_int_eq(pinned_retain(object), 0);
	pinned_free(object);
	errno = 0;
	ck_assert_int_eq(pinned_heap_destroy(heap), -1);
	ck_assert_int_eq(errno, EBUSY);
	ck_assert_int_eq(object[4999], 'h');
	pinned_free(pinned_heap_malloc(heap, 100));
	ck_assert_int_eq(pinned_release(object), 0);
	ck_assert_int_eq(pinned_heap_destroy(heap), 0);
}
END_TEST

/* Retains so many objects at once that the table grows. */
START_TEST(ten_thousand_at_once)
{
	static char *objects[10000];

	for (size_t i = 0; i < 10000; i++) {
		objects[i] = pinned_malloc(1 + i % 500);
		ck_assert_int_eq(pinned_retain(objects[i]), 0);
		if (i % 2)
			pinned_free(objects[i]);
	}
	for (size_t i = 0; i < 10000; i++)
		ck_assert_int_eq(pinned_release(objects[i] + i % 500), 0);
	for (size_t i = 0; i < 10000; i += 2)
		pinned_free(objects[i]);
	ck_assert_uint_eq(figures().object_bytes - figures().cached_bytes, 0);
}
END_TEST

/*
 * Retains one object more often than its state byte can count. The count moves up and down across
 * the value at which a part of it is kept in the table of retained objects.
 */
START_TEST(one_object_ten_thousand_times)
{
	char *object = pinned_malloc(sizes[_i]);
	unsigned int seed = test_seed(), count = 0;

	for (int round = 0; round < 40; round++) {
		for (unsigned int more = (unsigned int)rand_r(&seed) % 500; more; more--, count++)
			ck_assert_int_eq(pinned_retain(object), 0);
		for (unsigned int less = (unsigned int)rand_r(&seed) % 500; less && count;
		     less--, count--)
			ck_assert_int_eq(pinned_release(object), 0);
	}
	for (; count < 10000; count++)
		ck_assert_int_eq(pinned_retain(object), 0);
	pinned_free(object);
	ck_assert_uint_ge(figures().retained_bytes, sizes[_i]);
	while (--count)
		ck_assert_int_eq(pinned_release(object), 0);
	nobody_gets(object, sizes[_i]);
	ck_assert_int_eq(pinned_release(object), 0);
	ck_assert_uint_eq(figures().object_bytes - figures().cached_bytes, 0);
	ck_assert_int_eq(pinned_release(object), -1);
}
END_TEST

/* The same with four threads at once, near the value at which the count overflows to the table. */
static char *shared;

static void *retain_and_release(void *argument)
{
	unsigned int seed = (unsigned int)(uintptr_t)argument, count = 0;

	for (int i = 0; i < 20000; i++) {
		if (count && (count == 60 || rand_r(&seed) % 2)) {
			ck_assert_int_eq(pinned_release(shared), 0);
			count--;
		} else {
			ck_assert_int_eq(pinned_retain(shared), 0);
			count++;
		}
	}
	for (; count; count--)
		ck_assert_int_eq(pinned_release(shared), 0);
	return NULL;
}

START_TEST(several_threads_retain_one_object)
{
	pthread_t threads[4];

	shared = pinned_malloc(sizes[_i]);
	ck_assert_int_eq(pinned_retain(shared), 0);
	for (size_t i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, retain_and_release, (void *)(i + 1));
	pinned_free(shared);
	for (size_t i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	ck_assert_uint_ge(figures().retained_bytes, sizes[_i]);
	ck_assert_int_eq(pinned_release(shared), 0);
	ck_assert_uint_eq(figures().retained_bytes, 0);
	ck_assert_uint_eq(figures().object_bytes - figures().cached_bytes, 0);
}
END_TEST

/*
 * One thread releases, and so frees, the last object of a heap while the heap's owner tries to
 * destroy the heap.
 */
static void *release_one(void *object)
{
	ck_assert_int_eq(pinned_release(object), 0);
	return NULL;
}

START_TEST(a_heap_ends_after_its_last_object)
{
	for (int round = 0; round < 300; round++) {
		struct pinned_heap *heap = make_heap();
		char *object = pinned_heap_malloc(heap, sizes[round % SIZES]);
		pthread_t thread;

		ck_assert_int_eq(pinned_retain(object), 0);
		pinned_free(object);
		pthread_create(&thread, NULL, release_one, object);
		while (pinned_heap_destroy(heap))
			ck_assert_int_eq(errno, EBUSY);
		pthread_join(thread, NULL);
	}
	ck_assert_uint_eq(figures().retained_bytes, 0);
}
END_TEST

/* Threads of a device's driver release objects while threads of the program free them. */
#define RING 64
static _Atomic(char *) ring[RING];
static atomic_bool is_over;

static void *work_as_device(void *argument)
{
	size_t i = (size_t)(uintptr_t)argument;
	char *object;

	while (!atomic_load(&is_over)) {
		object = atomic_exchange(&ring[i++ % RING], NULL);
		if (!object)
			continue;
		/* A retained object still contains what the program wrote. */
		ck_assert_int_eq(*object, 'd');
		ck_assert_int_eq(pinned_release(object), 0);
	}
	return NULL;
}

static void *send_and_free(void *argument)
{
	unsigned int seed = (unsigned int)(uintptr_t)argument;

	for (int i = 0; i < 8000; i++) {
		size_t size = 1 + (size_t)rand_r(&seed) % (i % 64 ? 5000 : 5000000);
		char *object = pinned_malloc(size), *other;

		ck_assert_ptr_nonnull(object);
		*object = 'd';
		ck_assert_int_eq(pinned_retain(object), 0);
		other = atomic_exchange(&ring[(size_t)rand_r(&seed) % RING], object);
		if (other)
			ck_assert_int_eq(pinned_release(other), 0);
		pinned_free(object);
	}
	return NULL;
}

START_TEST(devices_release_while_programs_free)
{
	pthread_t threads[4];

	for (size_t i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, i < 2 ? send_and_free : work_as_device,
			       (void *)(i + 1));
	for (size_t i = 0; i < 4; i++) {
		pthread_join(threads[i], NULL);
		if (i == 1)
			atomic_store(&is_over, true);
	}
	for (size_t i = 0; i < RING; i++)
		if (ring[i])
			ck_assert_int_eq(pinned_release(ring[i]), 0);
	ck_assert_uint_eq(figures().retained_bytes, 0);
	ck_assert_uint_eq(figures().object_bytes - figures().cached_bytes, 0);
}
END_TEST

START_TEST(a_forked_child_can_go_on)
{
	char *object = pinned_malloc(100), *other = pinned_malloc(5000000);
	int status;
	pid_t pid;

	ck_assert_int_eq(pinned_retain(object), 0);
	ck_assert_int_eq(pinned_retain(other), 0);
	pinned_free(object);
	pid = fork();
	if (!pid) {
		pinned_free(other);
		_exit(pinned_release(object) || pinned_release(other));
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	ck_assert_int_eq(pinned_release(object), 0);
	ck_assert_int_eq(pinned_release(other), 0);
	pinned_free(other);
}
END_TEST

/*
 * One thread frees an object while another thread retains it. round_begun, round_retained and
 * round_freed contain the number of the round, so that both threads start each round together.
 * In some rounds one thread waits for the other, because a busy machine may run them one after the
 * other in all rounds.
 */
#define ROUNDS 4000
#define RETAINS_FIRST(i) ((i) % 16 == 4)
#define FREES_FIRST(i) ((i) % 16 == 12)
static atomic_int round_begun, round_retained, round_freed;
static char *_Atomic raced;

static void *retain_while_it_is_freed(void *argument)
{
	atomic_int *held = argument;

	for (int i = 1; i <= ROUNDS; i++) {
		int err;

		while (atomic_load(&round_begun) < i)
			;
		while (FREES_FIRST(i) && atomic_load(&round_freed) < i)
			;
		err = pinned_retain(raced + 7) ? errno : 0;
		atomic_store(&round_retained, i);
		while (atomic_load(&round_freed) < i)
			;
		/* On success the memory stays until the release; on EFAULT nothing was retained. */
		ck_assert(err == 0 || err == EFAULT);
		if (!err) {
			ck_assert_uint_gt(figures().retained_bytes, 0);
			ck_assert_int_eq(raced[7], (char)i);
			ck_assert_int_eq(pinned_release(raced + 7), 0);
			atomic_fetch_add(held, 1);
		}
		atomic_store(&round_begun, -i);
	}
	return NULL;
}

/* Covers larger objects, which are freed by one atomic operation. */
START_TEST(a_retain_that_races_a_free_holds_or_fails)
{
	static const size_t large[] = { 40000, 131072, 2097152, 6000000 };
	atomic_int held = 0;
	pthread_t thread;

	atomic_store(&round_begun, 0);
	atomic_store(&round_retained, 0);
	atomic_store(&round_freed, 0);
	pthread_create(&thread, NULL, retain_while_it_is_freed, &held);
	for (int i = 1; i <= ROUNDS; i++) {
		raced = pinned_malloc(large[_i]);
		raced[7] = (char)i;
		atomic_store(&round_begun, i);
		for (volatile int spin = 0; spin < (i * 7) % 800; spin++)
			;
		while (RETAINS_FIRST(i) && atomic_load(&round_retained) < i)
			;
		pinned_free(raced);
		atomic_store(&round_freed, i);
		while (atomic_load(&round_begun) != -i)
			;
	}
	pthread_join(thread, NULL);
	ck_assert_int_ge(held, ROUNDS / 16);
	ck_assert_int_le(held, ROUNDS - ROUNDS / 16);
	ck_assert_uint_eq(figures().retained_bytes, 0);
	ck_assert_uint_eq(figures().object_bytes - figures().cached_bytes, 0);
}
END_TEST

static void *retain_and_release_again_and_again(void *argument)
{
	(void)argument;
	for (;;) {
		char *object = raced;

		if (object && !pinned_retain(object))
			pinned_release(object);
	}
	return NULL;
}

/*
 * Callers must prevent this race for small objects. The library's assertions, which are compiled
 * into tests, abort a program that does not.
 */
START_TEST(a_retain_that_races_a_small_free_is_found)
{
	pthread_t thread;

	pthread_create(&thread, NULL, retain_and_release_again_and_again, NULL);
	for (;;) {
		raced = pinned_malloc(64);
		for (volatile int spin = 0; spin < 50; spin++)
			;
		pinned_free(raced);
	}
}
END_TEST

static void add(TCase *tcase)
{
	tcase_add_loop_test(tcase, a_freed_object_stays_until_the_last_release, 0, SIZES);
	tcase_add_loop_test(tcase, a_released_object_is_freed_as_any, 0, SIZES);
	tcase_add_loop_test_raise_signal(tcase, double_free, SIGABRT, 0, SIZES);
	tcase_add_loop_test_raise_signal(tcase, free_after_the_last_release, SIGABRT, 0, SIZES);
	tcase_add_loop_test(tcase, realloc_gives_nothing_back, 0, SIZES);
	tcase_add_test(tcase, what_is_no_live_object_is_refused);
	tcase_add_test(tcase, an_object_is_found_from_each_of_its_pages);
	tcase_add_test(tcase, a_limit_on_what_is_freed_but_retained);
	tcase_add_test(tcase, a_heap_with_retained_objects_stays);
	tcase_add_test(tcase, ten_thousand_at_once);
	tcase_add_loop_test(tcase, one_object_ten_thousand_times, 0, SIZES);
	tcase_add_loop_test(tcase, several_threads_retain_one_object, 0, SIZES);
	tcase_add_test(tcase, a_heap_ends_after_its_last_object);
	tcase_add_test(tcase, devices_release_while_programs_free);
	tcase_add_test(tcase, a_forked_child_can_go_on);
	tcase_add_loop_test(tcase, a_retain_that_races_a_free_holds_or_fails, 0, 4);
	tcase_add_test_raise_signal(tcase, a_retain_that_races_a_small_free_is_found, SIGABRT);
}

int main(void)
{
	return run_suite("retained_objects_stay", add);
}
