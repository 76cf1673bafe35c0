// SPDX-License-Identifier: MIT
/*
 * Protects libraries that synchronise or export memory without knowing its type: without the
 * driver, a call to synchronise pinned memory succeeds and does nothing, an export of pinned
 * memory fails, and other memory is refused (Faults B35).
 */
#include <errno.h>
#include <stdint.h>

#include "pinned.h"
#include "suite.h"

START_TEST(requests_to_the_driver_without_one)
{
	char *run = pinned_chunks_alloc(NULL, 2, PINNED_CHUNK_SIZE, 0, NULL, NULL),
	     *object = pinned_malloc(5000);
	unsigned int both = PINNED_DEVICE_READS | PINNED_DEVICE_WRITES;
	size_t offset;
	int local;

	ck_assert_int_eq(pinned_sync_for_device(object + 10, 4000, both), 0);
	ck_assert_int_eq(pinned_sync_for_cpu(run, 2 * PINNED_CHUNK_SIZE, PINNED_DEVICE_WRITES), 0);
	ck_assert_int_eq(pinned_sync_for_cpu(&local, 0, both), 0);
	ck_assert_int_eq(pinned_sync_for_cpu(&local, 1, both), -1);
	ck_assert_int_eq(errno, EFAULT);
	ck_assert_int_eq(pinned_sync_for_cpu(run, SIZE_MAX, both), -1);
	ck_assert_int_eq(errno, EFAULT);
	ck_assert_int_eq(pinned_sync_for_device(object, 1, 0), -1);
	ck_assert_int_eq(errno, EINVAL);
	ck_assert_int_eq(pinned_sync_for_device(object, 1, 4), -1);
	ck_assert_int_eq(pinned_export(object, 5000, &offset), -1);
	ck_assert_int_eq(errno, EOPNOTSUPP);
	ck_assert_int_eq(pinned_export(object, 0, &offset), -1);
	ck_assert_int_eq(errno, EINVAL);
	ck_assert_int_eq(pinned_export(&local, 1, &offset), -1);
	ck_assert_int_eq(errno, EFAULT);
	ck_assert_int_eq(pinned_chunks_free(run, 2), 0);
	pinned_free(object);
}
END_TEST

static void add(TCase *tcase)
{
	tcase_add_test(tcase, requests_to_the_driver_without_one);
}

int main(void)
{
	return run_suite("requests_work_without_a_driver", add);
}
