// SPDX-License-Identifier: MIT
/*
 * Protects devices that use memory of the program: pinned_pin() makes a system call only if exactly
 * these pages are not pinned, translations are those of the driver, and neither memory that has
 * changed, nor memory that was unpinned, nor that of a forked child's parent is translated. The
 * test takes the driver's place, and invents physical addresses. Without the driver, pinned_pin()
 * fails.
 *
 * Wraps: pn_sys_ioctl pn_fd_open pn_fd_is_intact pn_fd_drop
 */
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "arena/pins.h"
#include "os/fdguard.h"
#include "os/sys.h"
#include "pinned.h"
#include "pinned_mem.h"
#include "suite.h"

#define PAGE ((size_t)sysconf(_SC_PAGESIZE))
#define RANGE (64 * PAGE)
#define PINS 2000

/* The driver. */

static struct {
	uint64_t address, length;
	uint32_t *notice;
} pins[PINS];

static unsigned int requests, live, opens,
	features = PINNED_MEM_FEATURE_PIN | PINNED_MEM_FEATURE_PHYS;
static int next_error;
/* The next pin is reported gone as soon as it is there. */
static bool is_next_gone;
static bool is_lost;
/* How many pages follow each other in physical memory. */
static size_t run_pages = 3;

bool __wrap_pn_fd_is_intact(const struct pn_fd *guard);
int __wrap_pn_fd_open(struct pn_fd *guard, const char *path, int flags);
void __wrap_pn_fd_drop(struct pn_fd *guard);
int __wrap_pn_sys_ioctl(int fd, unsigned long request, void *argument);

bool __wrap_pn_fd_is_intact(const struct pn_fd *guard)
{
	return guard->fd == 1000;
}

int __wrap_pn_fd_open(struct pn_fd *guard, const char *path, int flags)
{
	(void)path, (void)flags;
	guard->fd = 1000;
	opens++;
	is_lost = false;
	return 0;
}

void __wrap_pn_fd_drop(struct pn_fd *guard)
{
	guard->fd = -1;
}

static uint64_t phys_of(uintptr_t at)
{
	uint64_t page = at / PAGE;

	return (page + page / run_pages * 7) * PAGE + at % PAGE;
}

static int do_pin(struct pinned_mem_pin *request)
{
	struct pinned_mem_extent *to = (void *)(uintptr_t)request->extents_ptr;
	uint32_t found = 0, room = request->extents_count;
	uint64_t end = 0;

	if (next_error) {
		int error = next_error;

		next_error = 0;
		return error;
	}
	for (uint64_t at = request->address; to && at < request->address + request->length;
	     at += PAGE, end += PAGE) {
		if (!found || phys_of(at) != end) {
			if (found++ < room)
				to[found - 1] = (struct pinned_mem_extent){ phys_of(at), 0 };
			end = phys_of(at);
		}
		if (found <= room)
			to[found - 1].length += PAGE;
	}
	request->extents_count = found;
	for (request->id = 1; pins[request->id].notice; request->id++)
		ck_assert_uint_lt(request->id, PINS - 1);
	pins[request->id].address = request->address;
	pins[request->id].length = request->length;
	pins[request->id].notice = (void *)(uintptr_t)request->notice_ptr;
	live++;
	if (is_next_gone)
		*pins[request->id].notice |= PINNED_MEM_PIN_GONE;
	is_next_gone = false;
	return 0;
}

static int do_unpin(const struct pinned_mem_unpin *request)
{
	if (!pins[request->id].notice)
		return ENOENT;
	pins[request->id].notice = NULL;
	live--;
	return 0;
}

int __wrap_pn_sys_ioctl(int fd, unsigned long request, void *argument)
{
	struct pinned_mem_info *info = argument;

	ck_assert_int_eq(fd, 1000);
	requests++;
	if (request == PINNED_MEM_IOC_PIN)
		return do_pin(argument);
	if (request == PINNED_MEM_IOC_UNPIN)
		return do_unpin(argument);
	ck_assert_uint_eq(request, PINNED_MEM_IOC_INFO);
	if (is_lost)
		return ENOTTY;
	info->features = features;
	info->pool_id = 70 + opens;
	return 0;
}

/* The pages of the range change: the driver tells the notices, and ends pins without a use. */
static void change(const char *at, size_t len)
{
	for (uint32_t id = 1; id < PINS; id++) {
		if (!pins[id].notice || pins[id].address >= (uintptr_t)at + len ||
		    pins[id].address + pins[id].length <= (uintptr_t)at)
			continue;
		if (!(__atomic_fetch_or(pins[id].notice, PINNED_MEM_PIN_GONE, __ATOMIC_SEQ_CST) &
		      ~PINNED_MEM_PIN_GONE)) {
			pins[id].notice = NULL;
			live--;
		}
	}
}

static char *new_range(void)
{
	char *at = mmap(NULL, RANGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ck_assert_ptr_ne(at, MAP_FAILED);
	return at;
}

static void is_translated(const char *at, size_t len)
{
	struct pinned_extent extents[64];
	long count = pinned_v2p_sg(at, len, extents, 64);
	size_t done = 0;

	ck_assert_int_ge(count, 1);
	for (long i = 0; i < count; i++) {
		for (size_t k = 0; k < extents[i].len; k += 100)
			ck_assert_uint_eq(extents[i].phys + k, phys_of((uintptr_t)at + done + k));
		done += extents[i].len;
	}
	ck_assert_uint_eq(done, len);
	ck_assert_uint_eq(pinned_v2p(at + len - 1), phys_of((uintptr_t)at + len - 1));
	ck_assert_int_eq(pinned_v2p_sg(at, len, NULL, 0), count);
}

static void is_not_translated(const char *at, size_t len)
{
	struct pinned_extent extents[64];

	errno = 0;
	ck_assert_int_eq(pinned_v2p_sg(at, len, extents, 64), -1);
	ck_assert_int_eq(errno, EFAULT);
	ck_assert_uint_eq(pinned_v2p(at + len - 1), PINNED_NO_PHYS);
}

START_TEST(second_pin_makes_no_request)
{
	char *at = new_range();

	for (run_pages = 1; run_pages < 70; run_pages += 5) {
		ck_assert_int_eq(pn_pins_add(at + 100, 40 * PAGE), 0);
		is_translated(at + 100, 40 * PAGE);
		is_translated(at + 3 * PAGE + 5, 7);
		is_translated(at, 41 * PAGE);
		requests = 0;
		ck_assert_int_eq(pn_pins_add(at, 41 * PAGE), 0);
		ck_assert_int_eq(pn_pins_remove(at + 7, 41 * PAGE - 10), 0);
		is_translated(at + 100, 40 * PAGE);
		ck_assert_int_eq(pn_pins_remove(at, 40 * PAGE + 1), 0);
		is_not_translated(at + 100, 40 * PAGE);
		ck_assert_int_eq(pn_pins_add(at + 100, 40 * PAGE), 0);
		is_translated(at + 100, 40 * PAGE);
		ck_assert_uint_eq(requests, 0);
		is_not_translated(at + 100, 41 * PAGE);
		is_not_translated(at + 41 * PAGE, 1);
		ck_assert_int_eq(pn_pins_remove(at, 41 * PAGE), 0);
		ck_assert_int_eq(pn_pins_remove(at, 41 * PAGE), EINVAL);
		pn_pins_purge();
		ck_assert_uint_eq(live, 0);
	}
	ck_assert_uint_eq(opens, 1);
}
END_TEST

START_TEST(changed_memory_is_not_translated)
{
	char *at = new_range();

	ck_assert_int_eq(pn_pins_add(at, RANGE), 0);
	ck_assert_int_eq(pn_pins_add(at, PAGE), 0);
	change(at + 5 * PAGE, 1);
	is_not_translated(at + PAGE, PAGE);
	is_translated(at, PAGE);
	/* Used pages stay until they are unpinned; the new ones are pinned meanwhile. */
	ck_assert_uint_eq(live, 2);
	ck_assert_int_eq(pn_pins_add(at, RANGE), 0);
	ck_assert_uint_eq(live, 3);
	is_translated(at, RANGE);
	ck_assert_int_eq(pn_pins_remove(at, RANGE), 0);
	ck_assert_uint_eq(live, 2);
	is_translated(at, RANGE);
	ck_assert_int_eq(pn_pins_remove(at, RANGE), 0);
	ck_assert_int_eq(pn_pins_remove(at, PAGE), 0);
	/* Both are kept without a use; the driver ends them. */
	ck_assert_uint_eq(live, 2);
	change(at, RANGE);
	ck_assert_uint_eq(live, 0);
	is_not_translated(at, PAGE);
	ck_assert_int_eq(pn_pins_add(at, PAGE), 0);
	ck_assert_uint_eq(live, 1);
	is_translated(at, PAGE);
}
END_TEST

/* A first request for many extents only counts them, and its pin ends: what it tells is void. */
START_TEST(change_between_two_requests_is_forgotten)
{
	char *at = new_range();

	run_pages = 1;
	is_next_gone = true;
	ck_assert_int_eq(pn_pins_add(at, RANGE), 0);
	ck_assert_uint_eq(live, 1);
	is_translated(at, RANGE);
	ck_assert_int_eq(pn_pins_remove(at, RANGE), 0);
}
END_TEST

START_TEST(limits_end_pins_without_use)
{
	char *at = new_range();

	for (int i = 0; i < 64; i++)
		for (int n = 1; n < 4 && i + n <= 64; n++) {
			ck_assert_int_eq(pn_pins_add(at + i * PAGE, n * PAGE), 0);
			ck_assert_int_eq(pn_pins_remove(at + i * PAGE, n * PAGE), 0);
		}
	ck_assert_uint_eq(live, 64);
	requests = 0;
	ck_assert_int_eq(pn_pins_add(at + 63 * PAGE, PAGE), 0);
	ck_assert_uint_eq(requests, 0);
	/* A request that fails for lack of room is repeated without them. */
	next_error = EDQUOT;
	ck_assert_int_eq(pn_pins_add(at, 10 * PAGE), 0);
	ck_assert_uint_eq(live, 2);
	is_translated(at, 10 * PAGE);
	next_error = EFAULT;
	ck_assert_int_eq(pn_pins_add(at, 11 * PAGE), EFAULT);
	is_not_translated(at, 11 * PAGE);
	ck_assert_uint_eq(live, 2);
}
END_TEST

START_TEST(table_is_full)
{
	char *at = new_range();
	int n = 0;

	for (int i = 0; i < 64; i++)
		for (int k = 1; i + k <= 64; k++) {
			int err = pn_pins_add(at + i * PAGE, k * PAGE);

			n++;
			ck_assert_int_eq(err, n <= 512 ? 0 : ENOBUFS);
		}
	ck_assert_uint_eq(live, 512);
	ck_assert_int_eq(pn_pins_remove(at, PAGE), 0);
	ck_assert_int_eq(pn_pins_add(at + 63 * PAGE, PAGE), 0);
	is_translated(at + 63 * PAGE, PAGE);
}
END_TEST

START_TEST(lost_descriptor_is_replaced)
{
	char *at = new_range();

	ck_assert_int_eq(pn_pins_add(at, PAGE), 0);
	/* The kernel closes the pool: all pins are gone. */
	change(at, RANGE);
	memset(pins, 0, sizeof(pins));
	live = 0;
	is_lost = true;
	is_not_translated(at, PAGE);
	ck_assert_int_eq(pn_pins_add(at + PAGE, PAGE), 0);
	ck_assert_uint_eq(opens, 2);
	/* Unpinning the first one does not end the pin that has its number now. */
	ck_assert_int_eq(pn_pins_remove(at, PAGE), 0);
	ck_assert_uint_eq(live, 1);
	is_translated(at + PAGE, PAGE);
}
END_TEST

START_TEST(child_has_no_pins)
{
	char *at = new_range();
	int status;
	pid_t pid;

	ck_assert_int_eq(pn_pins_add(at, RANGE), 0);
	pid = fork();
	if (!pid) {
		opens = requests = 0;
		is_not_translated(at, RANGE);
		ck_assert_int_eq(pn_pins_remove(at, RANGE), EINVAL);
		ck_assert_int_eq(pn_pins_add(at, RANGE), 0);
		ck_assert_uint_eq(opens, 1);
		is_translated(at, RANGE);
		end_child(0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	is_translated(at, RANGE);
	ck_assert_int_eq(pn_pins_remove(at, RANGE), 0);
}
END_TEST

START_TEST(hidden_addresses_are_not_translated)
{
	char *at = new_range();

	features = PINNED_MEM_FEATURE_PIN;
	ck_assert_int_eq(pn_pins_add(at, RANGE), 0);
	is_not_translated(at, RANGE);
	ck_assert_uint_eq(live, 1);
	ck_assert_int_eq(pn_pins_remove(at, RANGE), 0);
}
END_TEST

static char *shared;

static void *pin_often(void *arg)
{
	size_t at = (size_t)(uintptr_t)arg * PAGE;

	for (int i = 0; i < 300; i++) {
		size_t len = PAGE * (1 + i % 3);

		ck_assert_int_eq(pn_pins_add(shared + at, len), 0);
		is_translated(shared + at, len);
		ck_assert_int_eq(pn_pins_remove(shared + at, len), 0);
		pinned_v2p(shared + i % 64 * PAGE);
	}
	return NULL;
}

START_TEST(threads_share_pins)
{
	pthread_t threads[4];

	shared = new_range();
	for (uintptr_t i = 0; i < 4; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, pin_often, (void *)(i / 2)), 0);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	pn_pins_purge();
	ck_assert_uint_eq(live, 0);
}
END_TEST

START_TEST(bad_ranges_are_refused)
{
	char *at = new_range(), *object = pinned_malloc(100);

	ck_assert_str_eq(pinned_backend(), "anon");
	ck_assert_int_eq(pn_pins_add(at, 0), EINVAL);
	ck_assert_int_eq(pn_pins_add(NULL, 1), EFAULT);
	ck_assert_int_eq(pn_pins_add(at, SIZE_MAX), EFAULT);
	ck_assert_int_eq(pn_pins_add((void *)(UINTPTR_MAX - 5), 3), EFAULT);
	ck_assert_int_eq(pn_pins_remove(at, PAGE), EINVAL);
	ck_assert_uint_eq(requests, 0);
	/* The library's own memory needs no pin, and without the driver there is none. */
	ck_assert_int_eq(pinned_pin(object, 100), 0);
	ck_assert_int_eq(pinned_unpin(object, 100), 0);
	ck_assert_int_eq(pinned_pin(object, SIZE_MAX / 2), -1);
	ck_assert_int_eq(errno, EFAULT);
	ck_assert_int_eq(pinned_pin(object, 0), -1);
	ck_assert_int_eq(errno, EINVAL);
	ck_assert_int_eq(pinned_pin(at, 100), -1);
	ck_assert_int_eq(errno, EOPNOTSUPP);
	ck_assert_int_eq(pinned_unpin(at, 100), -1);
	ck_assert_int_eq(errno, EINVAL);
	pinned_free(object);
}
END_TEST

static void add(TCase *tcase)
{
	tcase_add_test(tcase, second_pin_makes_no_request);
	tcase_add_test(tcase, changed_memory_is_not_translated);
	tcase_add_test(tcase, change_between_two_requests_is_forgotten);
	tcase_add_test(tcase, limits_end_pins_without_use);
	tcase_add_test(tcase, table_is_full);
	tcase_add_test(tcase, lost_descriptor_is_replaced);
	tcase_add_test(tcase, child_has_no_pins);
	tcase_add_test(tcase, hidden_addresses_are_not_translated);
	tcase_add_test(tcase, threads_share_pins);
	tcase_add_test(tcase, bad_ranges_are_refused);
}

int main(void)
{
	return run_suite("pins_are_never_stale", add);
}
