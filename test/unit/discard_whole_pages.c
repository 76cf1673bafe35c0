// SPDX-License-Identifier: MIT
/*
 * Protects a child's inherited objects where the system's pages are larger than the library's, as
 * with 16 KiB on arm64: giving memory back discards only whole pages of the system, and never the
 * memory beside the range (Faults C21).
 * Wraps: getauxval
 */
#define _GNU_SOURCE
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>

#include "os/base.h"
#include "os/sys.h"
#include "suite.h"

#define SYSTEM_PAGE ((size_t)16384)
#define LENGTH (4 * SYSTEM_PAGE)

unsigned long __real_getauxval(unsigned long type);
unsigned long __wrap_getauxval(unsigned long type);

unsigned long __wrap_getauxval(unsigned long type)
{
	return type == AT_PAGESZ ? SYSTEM_PAGE : __real_getauxval(type);
}

/* Checks that exactly the bytes from @from up to @end are zero. */
static void only_these_are_zero(const char *memory, size_t from, size_t end)
{
	for (size_t i = 0; i < LENGTH; i++)
		ck_assert_int_eq(memory[i], i >= from && i < end ? 0 : 7);
}

START_TEST(nothing_beside_the_range_is_lost)
{
	char *mapped = mmap(NULL, LENGTH + SYSTEM_PAGE, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *memory = mapped + (-(uintptr_t)mapped & (SYSTEM_PAGE - 1));

	ck_assert_ptr_ne(mapped, MAP_FAILED);
	memset(memory, 7, LENGTH);
	pn_sys_discard(memory, PN_PAGE_SIZE);
	pn_sys_discard(memory + SYSTEM_PAGE - PN_PAGE_SIZE, 2 * PN_PAGE_SIZE);
	only_these_are_zero(memory, 0, 0);
	pn_sys_discard(memory + PN_PAGE_SIZE, 2 * SYSTEM_PAGE);
	only_these_are_zero(memory, SYSTEM_PAGE, 2 * SYSTEM_PAGE);
	munmap(mapped, LENGTH + SYSTEM_PAGE);
}
END_TEST

static void add(TCase *tcase)
{
	tcase_add_test(tcase, nothing_beside_the_range_is_lost);
}

int main(void)
{
	return run_suite("discard_whole_pages", add);
}
