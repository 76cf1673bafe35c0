// SPDX-License-Identifier: MIT
/* See nth.h. */
#include "nth.h"

/*
 * After the first ALIKE_FROM places an operation repeats the same work for each page of a chunk, so
 * only every ALIKE_STEP-th place is tried. PLACES_MAX bounds the number of tries.
 */
#define ALIKE_FROM 80
#define ALIKE_STEP 37
#define PLACES_MAX 5000
#define QUARANTINE "/sys/module/pinned_mem/parameters/quarantine_ms"

struct nth_pool nth;

static char rest_ms[24];

void nth_begin(void)
{
	faults_begin();
	/* Each try learns addresses of its chunks, which would fill the quarantine: turn it off. */
	snprintf(rest_ms, sizeof(rest_ms), "%lu", read_number(QUARANTINE));
	WORKS(write_text(QUARANTINE, "0"));
}

void nth_end(void)
{
	faults_end();
	WORKS(write_text(QUARANTINE, rest_ms));
}

void nth_set_up(void)
{
	nth.fd = open_pool();
	WORKS(populate(nth.fd, 0, NTH_FILLED, nth.phys));
	nth.at = map_slots(nth.fd, 0, NTH_SLOTS);
	for (unsigned long page = 0; page < NTH_PAGES; page += NTH_PAGE_STEP)
		fill(nth.at + page * PAGE, PAGE, page);
	map_again(nth.fd, nth.at, 0, NTH_SLOTS);
	nth.before = info_of(nth.fd);
}

void nth_tear_down(void)
{
	WORKS(munmap(nth.at, NTH_SLOTS * CHUNK));
	close(nth.fd);
	COMES_TO_USE(0);
	COMES_TO_COPIES(0);
}

void nth_all_is_as_before(void)
{
	UNCHANGED(nth.fd, nth.before);
	for (unsigned long page = 0; page < NTH_PAGES; page += NTH_PAGE_STEP)
		FILLED(nth.at + page * PAGE, PAGE, page);
	for (unsigned long slot = 0; slot < NTH_FILLED; slot++) {
		EQUAL(signal_of_read(nth.at + slot * CHUNK), 0);
		EQUAL(phys_of(nth.at + slot * CHUNK), nth.phys[slot]);
	}
}

int nth_error_of(long result)
{
	return result == -1 ? errno : 0;
}

/* Runs @operation once with its @n-th place failing. Return: whether a failure was injected. */
static bool try_once(const struct nth_operation *operation, unsigned int n)
{
	bool has_failed;
	int error;

	nth_set_up();
	if (operation->prepare)
		operation->prepare();
	faults_arm(n);
	error = operation->run();
	has_failed = faults_disarm();
	if (error && !has_failed)
		FAIL("%s, with nothing failing: expected success, got %s", operation->name,
		     strerrorname_np(error));
	if (error && error != ENOMEM && error != EFAULT && error != operation->also)
		FAIL("%s, with number %u failing: expected ENOMEM, got %s", operation->name, n,
		     strerrorname_np(error));
	if (error)
		nth_all_is_as_before();
	if (operation->finish)
		operation->finish();
	nth_tear_down();
	return has_failed;
}

unsigned int nth_next(const char *name, unsigned int n)
{
	n += n < ALIKE_FROM ? 1 : ALIKE_STEP;
	if (n > PLACES_MAX)
		FAIL("%s: still failing at number %u", name, n);
	return n;
}

static void try_all(const struct nth_operation *operation)
{
	unsigned int n = 1;

	while (try_once(operation, n))
		n = nth_next(operation->name, n);
	printf("%s: less than %u places to fail\n", operation->name, n);
	fflush(stdout);
}

void nth_try_all(const struct nth_operation *operations, size_t count)
{
	for (size_t i = 0; i < count; i++)
		try_all(&operations[i]);
}
