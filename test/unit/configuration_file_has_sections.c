// SPDX-License-Identifier: MIT
/*
 * Protects users of the configuration file: a section applies to the programs that it names and to
 * no others, and the first section that matches wins. A line that makes no sense is reported by its
 * number and changes nothing. If anything but a readable text stands in the file's place, the
 * reader returns the defaults.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/conffile.h"
#include "suite.h"

static char path[] = "/tmp/configuration-file-XXXXXX";
/* What the reader reported, one line for each report, such as "error 3 pinned: ...". */
static char notes[20000];

static void write_file(const char *text, size_t size)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, text, size), (ssize_t)size);
	close(fd);
}

static void note(void *context, enum pn_conffile_note what, unsigned int line, struct pn_span text)
{
	static const char *const words[] = { "error", "section", "key" };
	size_t len = strlen(notes);

	ck_assert_ptr_eq(context, notes);
	snprintf(notes + len, sizeof(notes) - len, "%s %u %.*s\n", words[what], line, (int)text.len,
		 text.text);
}

static struct pn_conffile for_nginx = {
	.path = path,
	.exe = "/usr/sbin/nginx",
	.cgroup = "/system.slice/nginx.service",
	.user = 33,
	.note = note,
	.context = notes,
};

static struct pn_config read_text(const char *text)
{
	struct pn_config config;

	memset(&config, 0x55, sizeof(config));
	notes[0] = '\0';
	write_file(text, strlen(text));
	ck_assert_int_eq(pn_conffile_read(&config, &for_nginx), 0);
	return config;
}

static const struct {
	const char *header;
	bool is_for_nginx;
} headers[] = {
	{ "[exe /usr/sbin/nginx]", true },
	{ "[exe /usr/sbin/ngin]", false },
	{ "[exe /usr/sbin/nginx2]", false },
	{ "[exe /usr/sbin/*]", true },
	{ "[exe /usr/sbin/nginx*]", true },
	{ "[exe /usr/bin/*]", false },
	{ "[exe *]", true },
	{ "  [  exe \t /usr/sbin/nginx ] \r", true },
	{ "[cgroup /system.slice/nginx.service]", true },
	{ "[cgroup /system.slice]", true },
	{ "[cgroup /system.slice/]", true },
	{ "[cgroup /system.slice/nginx]", false },
	{ "[cgroup /system.slice/nginx.service/worker]", false },
	{ "[cgroup /user.slice]", false },
	{ "[cgroup /]", true },
	{ "[user 33]", true },
	{ "[user 0]", false },
	{ "[user 330]", false },
	{ "[user 4294967329]", false },
};

START_TEST(section_is_for_whom_it_names)
{
	char text[200];
	struct pn_config config;

	snprintf(text, sizeof(text), "# a comment\n\n%s\nmin = 64K\n", headers[_i].header);
	config = read_text(text);
	ck_assert_int_eq(config.is_given, headers[_i].is_for_nginx);
	ck_assert_uint_eq(config.min, headers[_i].is_for_nginx ? 64 << 10 : 0);
}
END_TEST

START_TEST(first_section_that_fits_wins)
{
	struct pn_config config = read_text("limit = 1G\n"
					    "min = 1\n"
					    "[exe /usr/bin/other]\n"
					    "min = 2\n"
					    "nonsense\n"
					    "[user 33]\n"
					    "min = 3\n"
					    "backend=anon\n"
					    "[exe /usr/sbin/nginx]\n"
					    "min = 4\n");

	ck_assert(config.is_given);
	ck_assert_uint_eq(config.min, 3);
	ck_assert_uint_eq(config.limit, 1 << 30);
	ck_assert_int_eq(config.backend, PN_BACKEND_ANON);
	ck_assert_str_eq(notes, "key 1 limit = 1G\n"
				"key 2 min = 1\n"
				"section 6 [user 33]\n"
				"key 7 min = 3\n"
				"key 8 backend=anon\n");
}
END_TEST

START_TEST(without_a_section_nothing_is_given)
{
	struct pn_config config = read_text("min = 5\nbackend = anon\n[user 1]\nlimit = 7\n");

	ck_assert(!config.is_given);
	ck_assert_uint_eq(config.min, 0);
	ck_assert_int_eq(config.backend, PN_BACKEND_AUTO);
	ck_assert_uint_eq(config.limit, SIZE_MAX);
	ck_assert(!read_text("").is_given);
	ck_assert(!read_text("# nothing").is_given);
}
END_TEST

/* The last line counts even without a newline, and values may contain most characters. */
START_TEST(every_key_is_understood)
{
	struct pn_config config = read_text(
		"[exe *]\nbackend = hugetlb\npolicy= fail\nmin =64\nmax=16M\nmemory = coherent\n"
		"node = 1\nlimit = 3G\ncontiguous = 5M\npin = 4K\nretain_limit = 2M\ndecay_ms = "
		"250\n"
		"realtime = 9M\nclasses = fine\n"
		"profile = 512K\nprofile_file = /tmp/a = b, c: #%p\nzero_on_free = 1\n"
		"quarantine = 2M\nguard = 1\nrandom = 1\nreport = 1");

	ck_assert_ptr_null(strstr(notes, "error"));
	ck_assert_int_eq(config.backend, PN_BACKEND_HUGETLB);
	ck_assert_int_eq(config.policy, PN_POLICY_FAIL);
	ck_assert_uint_eq(config.min, 64);
	ck_assert_uint_eq(config.max, 16 << 20);
	ck_assert_int_eq(config.node, 1);
	ck_assert_uint_eq(config.limit, 3UL << 30);
	ck_assert_uint_eq(config.contiguous, 5 << 20);
	ck_assert_uint_eq(config.pin, 4096);
	ck_assert_uint_eq(config.retain_limit, 2 << 20);
	ck_assert_uint_eq(config.decay_ms, 250);
	ck_assert_uint_eq(config.realtime, 9 << 20);
	ck_assert(config.is_fine);
	ck_assert_uint_eq(config.profile, 512 << 10);
	ck_assert_str_eq(config.profile_file, "/tmp/a = b, c: #%p");
	ck_assert(config.zero_on_free);
	ck_assert_uint_eq(config.quarantine, 2 << 20);
	ck_assert(config.has_guards);
	ck_assert(config.is_random);
	ck_assert(config.report);
}
END_TEST

static const struct {
	const char *text;
	const char *named;
} bad[] = {
	{ "min = 64Q", ": bad value \"64Q\" for min; use a size in bytes" },
	{ "colour = red", ": unknown key \"colour\"; known are backend, " },
	{ "Min = 1", ": unknown key \"Min\"" },
	{ "= 1", ": unknown key \"\"" },
	{ "min", ": \"min\" is neither [section] nor key = value" },
	{ "min: 64", ": \"min: 64\" is neither" },
	{ "min =", ": bad value \"\" for min" },
	{ "[exe /usr/sbin/nginx", ": \"[exe /usr/sbin/nginx\" does not end with ]" },
	{ "[", ": \"[\" does not end with ]" },
	{ "[]", ": unknown section \"\"; known are exe, cgroup and user" },
	{ "[program /usr/sbin/nginx]", ": unknown section \"program\"" },
	{ "[execution /]", ": unknown section \"execution\"" },
	{ "[exe nginx]", ": bad name \"nginx\" of a section for exe; use an absolute path" },
	{ "[exe]", ": bad name \"\" of a section for exe" },
	{ "[cgroup nginx.service]", ": bad name \"nginx.service\" of a section for cgroup" },
	{ "[user www-data]", ": bad name \"www-data\" of a section for user; use a user's number" },
	{ "[user 4294967295]", ": bad name \"4294967295\"" },
	{ "a\x1b[2J = 1", ": unknown key \"a?[2J\"" },
};

START_TEST(what_makes_no_sense_is_named_by_line_and_changes_nothing)
{
	char text[200], named[300];
	struct pn_config config, good;

	good = read_text("backend = anon\n[user 33]\nmax = 8M\n");
	snprintf(text, sizeof(text), "backend = anon\n%s\n[user 33]\nmax = 8M\n", bad[_i].text);
	config = read_text(text);
	snprintf(named, sizeof(named), "error 2 pinned: %s:2%s", path, bad[_i].named);
	ck_assert_msg(strstr(notes, named) != NULL, "%s not in %s", named, notes);
	ck_assert(config.is_given);
	ck_assert_int_eq(config.backend, good.backend);
	ck_assert_uint_eq(config.min, good.min);
	ck_assert_uint_eq(config.max, good.max);
	ck_assert_uint_eq(config.limit, good.limit);
}
END_TEST

START_TEST(check_looks_at_every_section)
{
	struct pn_conffile file = for_nginx;
	struct pn_config config;
	const char *text = "[exe /a]\nmin = x\n[user 7]\nmax = y\n[exe *]\nlimit = 1\nbad = z\n";

	file.is_check = true;
	notes[0] = '\0';
	write_file(text, strlen(text));
	ck_assert_int_eq(pn_conffile_read(&config, &file), 0);
	ck_assert_ptr_nonnull(strstr(notes, "error 2 "));
	ck_assert_ptr_nonnull(strstr(notes, "error 4 "));
	ck_assert_ptr_nonnull(strstr(notes, "key 6 limit = 1\n"));
	ck_assert_ptr_nonnull(strstr(notes, "error 7 "));
}
END_TEST

/* Puts comments of every length close to the buffer's size in front of the lines under test. */
START_TEST(lines_are_found_across_buffers)
{
	static char text[3 * PN_CONFFILE_LINE_MAX];

	for (size_t len = PN_CONFFILE_LINE_MAX - 40; len < PN_CONFFILE_LINE_MAX + 40; len++) {
		bool is_long = len >= PN_CONFFILE_LINE_MAX;

		memset(text, '#', len);
		strcpy(text + len, "\n[user 33]\nmin = 12\n[user 33]\nmin = 13\n");
		ck_assert_uint_eq(read_text(text).min, 12);
		ck_assert_int_eq(strstr(notes, ":1: the line is too long") != NULL, is_long);
		ck_assert_ptr_nonnull(strstr(notes, "section 2 [user 33]\nkey 3 min = 12\n"));
	}
}
END_TEST

START_TEST(file_has_an_end)
{
	static char text[2 * PN_CONFFILE_MAX];
	struct pn_config config;
	size_t len = 0;

	while (len < PN_CONFFILE_MAX + 100)
		len += (size_t)sprintf(text + len, "[exe /usr/bin/%zu]\nmin = 9\n", len);
	strcpy(text + len, "[user 33]\nmin = 12\n");
	config = read_text(text);
	ck_assert(!config.is_given);
	ck_assert_ptr_nonnull(strstr(notes, ": the file is too long; the rest is ignored"));
	memset(text, 'x', sizeof(text) - 1);
	ck_assert(!read_text(text).is_given);
}
END_TEST

static void make_fifo(void)
{
	ck_assert_int_eq(mkfifo(path, 0600), 0);
}

static void make_folder(void)
{
	ck_assert_int_eq(mkdir(path, 0700), 0);
}

static void link_to_zeros(void)
{
	ck_assert_int_eq(symlink("/dev/zero", path), 0);
}

static void link_to_itself(void)
{
	ck_assert_int_eq(symlink(path, path), 0);
}

static void leave_nothing(void)
{
}

static const struct {
	void (*make)(void);
	int err;
} wrong[] = {
	{ leave_nothing, ENOENT }, { make_fifo, ESPIPE },     { make_folder, EISDIR },
	{ link_to_zeros, 0 },	   { link_to_itself, ELOOP },
};

START_TEST(what_is_no_file_is_as_none)
{
	struct pn_config config;

	remove(path);
	wrong[_i].make();
	ck_assert_int_eq(pn_conffile_read(&config, &for_nginx), wrong[_i].err);
	ck_assert(!config.is_given);
	ck_assert_uint_eq(config.max, SIZE_MAX);
	ck_assert_int_eq(remove(path), wrong[_i].make == leave_nothing ? -1 : 0);
}
END_TEST

START_TEST(process_is_found_by_what_it_is)
{
	char exe[1000], text[2200];
	struct pn_config config;
	ssize_t len = readlink("/proc/self/exe", exe, sizeof(exe) - 1);

	ck_assert_int_gt(len, 0);
	exe[len] = '\0';
	snprintf(text, sizeof(text), "[exe %s2]\nmin = 1\n[user %u]\nmin = 2\n[exe %s]\nmin = 3\n",
		 exe, geteuid() + 1, exe);
	write_file(text, strlen(text));
	pn_conffile_ask(&config, path, "/nonexistent/off", true);
	ck_assert_uint_eq(config.min, 3);
	snprintf(text, sizeof(text), "[user %u]\nmin = 2\n", geteuid());
	write_file(text, strlen(text));
	pn_conffile_ask(&config, path, "/nonexistent/off", true);
	ck_assert_uint_eq(config.min, 2);
	pn_conffile_ask(&config, path, path, true);
	ck_assert(!config.is_given);
	ck_assert_uint_eq(config.min, 0);
}
END_TEST

static void add(TCase *tcase)
{
	tcase_add_loop_test(tcase, section_is_for_whom_it_names, 0,
			    sizeof(headers) / sizeof(headers[0]));
	tcase_add_test(tcase, first_section_that_fits_wins);
	tcase_add_test(tcase, without_a_section_nothing_is_given);
	tcase_add_test(tcase, every_key_is_understood);
	tcase_add_loop_test(tcase, what_makes_no_sense_is_named_by_line_and_changes_nothing, 0,
			    sizeof(bad) / sizeof(bad[0]));
	tcase_add_test(tcase, check_looks_at_every_section);
	tcase_add_test(tcase, lines_are_found_across_buffers);
	tcase_add_test(tcase, file_has_an_end);
	tcase_add_loop_test(tcase, what_is_no_file_is_as_none, 0, sizeof(wrong) / sizeof(wrong[0]));
	tcase_add_test(tcase, process_is_found_by_what_it_is);
}

int main(void)
{
	int status;

	close(mkstemp(path));
	status = run_suite("configuration_file_has_sections", add);
	unlink(path);
	return status;
}
