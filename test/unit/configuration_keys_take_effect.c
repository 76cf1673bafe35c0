// SPDX-License-Identifier: MIT
/*
 * Protects users of the configuration variable: each valid key takes effect. A word that
 * the parser does not understand changes nothing, is reported once, and stops no program.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../lib/same_configuration.h"
#include "config/config.h"
#include "pinned.h"
#include "suite.h"

static char message[1000];

/* Returns the configuration parsed from @text; what the parser prints to stderr is in message. */
static struct pn_config parse(const char *text)
{
	struct pn_config config;
	int saved = dup(STDERR_FILENO);
	int ends[2];
	ssize_t n;

	ck_assert_int_eq(pipe(ends), 0);
	dup2(ends[1], STDERR_FILENO);
	close(ends[1]);
	if (text)
		setenv("TEST_CONF", text, 1);
	else
		unsetenv("TEST_CONF");
	pn_config_read(&config, "TEST_CONF");
	dup2(saved, STDERR_FILENO);
	close(saved);
	n = read(ends[0], message, sizeof(message) - 1);
	message[n > 0 ? n : 0] = '\0';
	close(ends[0]);
	return config;
}

START_TEST(nothing_given_means_defaults)
{
	struct pn_config config = parse(NULL);

	ck_assert(!config.is_given);
	ck_assert_int_eq(config.backend, PN_BACKEND_AUTO);
	ck_assert_int_eq(config.policy, PN_POLICY_FALLBACK);
	ck_assert_uint_eq(config.min, 0);
	ck_assert_uint_eq(config.max, SIZE_MAX);
	ck_assert_uint_eq(config.limit, SIZE_MAX);
	ck_assert_uint_eq(config.contiguous, 0);
	ck_assert_uint_eq(config.pin, 1);
	ck_assert_int_eq(config.node, -1);
	ck_assert(!config.report);
	ck_assert(!config.zero_on_free);
	ck_assert_uint_eq(config.quarantine, 0);
	ck_assert(!config.has_guards);
	ck_assert(!config.is_random);
	ck_assert_str_eq(message, "");
	ck_assert(parse("").is_given);
}
END_TEST

START_TEST(every_key_is_understood)
{
	struct pn_config config =
		parse("backend:hugetlb,policy:fail,min:64,max:16M,memory:write-combine,"
		      "node:1,limit:3G,contiguous:5M,pin:4K,decay_ms:250,idle:7M,realtime:9M,"
		      "classes:fine,"
		      "report:1,zero_on_free:1,quarantine:2M,guard:1,random:1");

	ck_assert_str_eq(message, "");
	ck_assert(config.is_given);
	ck_assert_int_eq(config.backend, PN_BACKEND_HUGETLB);
	ck_assert_int_eq(config.policy, PN_POLICY_FAIL);
	ck_assert_uint_eq(config.memory_type, PINNED_MEMORY_WRITE_COMBINE);
	ck_assert_uint_eq(config.min, 64);
	ck_assert_uint_eq(config.max, 16UL << 20);
	ck_assert_int_eq(config.node, 1);
	ck_assert_uint_eq(config.limit, 3UL << 30);
	ck_assert_uint_eq(config.contiguous, 5UL << 20);
	ck_assert_uint_eq(config.pin, 4096);
	ck_assert_uint_eq(config.decay_ms, 250);
	ck_assert_uint_eq(config.idle, 7UL << 20);
	ck_assert_uint_eq(config.realtime, 9UL << 20);
	ck_assert(config.is_fine);
	ck_assert(config.report);
	ck_assert(config.zero_on_free);
	ck_assert_uint_eq(config.quarantine, 2UL << 20);
	ck_assert(config.has_guards);
	ck_assert(config.is_random);
	ck_assert_uint_eq(config.guard_every, 0);
	ck_assert_uint_eq(parse("guard:1,guard:500").guard_every, 500);
	ck_assert(!parse("guard:1,guard:500").has_guards);
	ck_assert(!parse("classes:fine,classes:pow2").is_fine);
	ck_assert_int_eq(parse("node:1,node:any").node, -1);
}
END_TEST

/* Each key with a value that is not its default, in the parser's order. */
static const char *const other_values[] = {
	"backend:anon",	  "policy:fail",    "min:1",	    "max:1",	    "memory:cached",
	"node:0",	  "limit:1",	    "contiguous:1", "pin:2",	    "retain_limit:1",
	"decay_ms:1",	  "idle:1",	    "realtime:1",   "classes:fine", "profile:1",
	"profile_file:x", "zero_on_free:1", "quarantine:1", "guard:2",	    "random:1",
	"report:1",	  "quiet:1",
};

#define OTHER_VALUES (sizeof(other_values) / sizeof(other_values[0]))

/*
 * Each key changes what is_same() compares. The parser's list of the keys that it knows shows that
 * other_values names all of them.
 */
START_TEST(each_key_differs_from_its_default)
{
	struct pn_config defaults = parse("");
	char known[1000] = "known are ";
	size_t at = strlen(known);

	for (size_t i = 0; i < OTHER_VALUES; i++) {
		struct pn_config config = parse(other_values[i]);

		ck_assert_str_eq(message, "");
		ck_assert_msg(!is_same(&config, &defaults), "%s", other_values[i]);
		at += (size_t)snprintf(known + at, sizeof(known) - at, "%s%.*s", i ? ", " : "",
				       (int)strcspn(other_values[i], ":"), other_values[i]);
	}
	snprintf(known + at, sizeof(known) - at, "; ignored\n");
	parse("nonsense:1");
	ck_assert_str_eq(strstr(message, "known are "), known);
}
END_TEST

static const struct {
	const char *text;
	const char *named;
} bad[] = {
	{ "colour:red", "unknown key \"colour\"" },
	{ "backend", "bad value \"\" for backend; use auto, device, hugetlb or anon" },
	{ "backend:disk", "bad value \"disk\" for backend" },
	{ "min:-1", "bad value \"-1\" for min" },
	{ "max:1X", "bad value \"1X\" for max" },
	{ "max:M", "bad value \"M\" for max" },
	{ "limit:99999999999999999999", "bad value" },
	{ "limit:16777216T", "bad value \"16777216T\"" },
	{ "limit:18446744073709551615K", "bad value" },
	{ "memory:device",
	  "bad value \"device\" for memory; use coherent, uncached, write-combine or cached" },
	{ "node:99999", "bad value \"99999\" for node" },
	{ "report:yes", "bad value \"yes\" for report; use 0 or 1" },
	{ "guard:yes", "bad value \"yes\" for guard; use 0, 1 or a number of objects" },
	{ "guard:4294967296", "bad value \"4294967296\" for guard" },
	{ "quarantine:on", "bad value \"on\" for quarantine; use a size in bytes" },
	{ ":", "unknown key \"\"" },
	{ "a\nb\x1b[2J:1", "unknown key \"a?b?[2J\"" },
};

START_TEST(what_makes_no_sense_is_named_and_changes_nothing)
{
	struct pn_config defaults = parse("");
	struct pn_config config = parse(bad[_i].text);

	ck_assert_ptr_nonnull(strstr(message, bad[_i].named));
	ck_assert_ptr_nonnull(strstr(message, "pinned: TEST_CONF: "));
	ck_assert_ptr_eq(strchr(message, '\n'), message + strlen(message) - 1);
	ck_assert(is_same(&config, &defaults));
}
END_TEST

START_TEST(one_message_for_many_bad_words_and_the_good_ones_count)
{
	struct pn_config config = parse("a:1,backend:anon,b:2,,c:3,report:1");

	ck_assert_int_eq(config.backend, PN_BACKEND_ANON);
	ck_assert(config.report);
	ck_assert_ptr_nonnull(strstr(message, "\"a\""));
	ck_assert_ptr_nonnull(strstr(message, "(and 2 more)"));
	ck_assert_ptr_eq(strchr(message, '\n'), message + strlen(message) - 1);
}
END_TEST

START_TEST(very_long_words_fit_into_one_line)
{
	static char text[100000];

	memset(text, 'x', sizeof(text) - 1);
	parse(text);
	ck_assert_uint_lt(strlen(message), 600);
	ck_assert_int_eq(message[strlen(message) - 1], '\n');
}
END_TEST

static void add(TCase *tcase)
{
	tcase_add_test(tcase, nothing_given_means_defaults);
	tcase_add_test(tcase, every_key_is_understood);
	tcase_add_test(tcase, each_key_differs_from_its_default);
	tcase_add_loop_test(tcase, what_makes_no_sense_is_named_and_changes_nothing, 0,
			    sizeof(bad) / sizeof(bad[0]));
	tcase_add_test(tcase, one_message_for_many_bad_words_and_the_good_ones_count);
	tcase_add_test(tcase, very_long_words_fit_into_one_line);
}

int main(void)
{
	return run_suite("configuration_keys_take_effect", add);
}
