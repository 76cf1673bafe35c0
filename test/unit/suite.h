/* SPDX-License-Identifier: MIT */
/* A main() for unit tests: one suite of Check's, each test in a process of its own. */
#ifndef TEST_SUITE_H
#define TEST_SUITE_H

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

/*
 * What a test with random operations begins with: TEST_SEED, or always the same, so that a change's tests fail
 * for the change and not by chance. `make check-seeds` tries others.
 */
static inline unsigned int test_seed(void)
{
	const char *wanted = getenv("TEST_SEED");
	unsigned int seed = wanted ? (unsigned int)strtoul(wanted, NULL, 10) : 1;

	printf("TEST_SEED=%u\n", seed);
	fflush(stdout);
	return seed;
}

/* @add: adds the file's tests. Seconds: under sanitizers and on a busy machine. */
static inline int run_suite(const char *name, void (*add)(TCase *tcase))
{
	Suite *suite = suite_create(name);
	TCase *tcase = tcase_create(name);
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_set_timeout(tcase, 120);
	add(tcase);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

#endif /* TEST_SUITE_H */
