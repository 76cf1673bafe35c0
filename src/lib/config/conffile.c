// SPDX-License-Identifier: MIT
/*
 * The reader of the configuration file; see conffile.h. From the bottom up: lines, the identity of
 * the program, headers of sections, keys.
 */
#define _GNU_SOURCE
#include "config/conffile.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#include "os/die.h"
#include "os/sys.h"

/**
 * struct source - a file that is read line by line
 * @fd: descriptor of the file
 * @offset: how many bytes of the file have been read
 * @start: beginning of the bytes in @bytes that have not been returned as a line yet
 * @end: end of those bytes
 * @is_long: the line at @start does not fit into @bytes, and its beginning was dropped
 * @is_end: no further bytes of the file follow @end
 * @is_cut: @is_end was set because the file is too long
 */
struct source {
	int fd;
	uint64_t offset;
	size_t start;
	size_t end;
	bool is_long;
	bool is_end;
	bool is_cut;
	char bytes[PN_CONFFILE_LINE_MAX];
};

/*
 * Opens a file, such that a terminal does not become the controlling terminal, and such that
 * opening a pipe does not wait for a writer. Return: 0 or an errno.
 */
static int open_source(struct source *source, const char *path)
{
	int fd = pn_sys_open(path, O_RDONLY | O_NOCTTY | O_NONBLOCK);

	source->fd = fd;
	source->offset = 0;
	source->start = source->end = 0;
	source->is_long = source->is_end = source->is_cut = false;
	return fd < 0 ? -fd : 0;
}

/*
 * Reads more of the file. A regular file returns fewer bytes than requested only at its end, so
 * finding the end takes no extra call. Reading a pipe or a folder fails. Return: 0 or an errno.
 */
static int read_more(struct source *source)
{
	size_t left = source->end - source->start;
	ssize_t n;

	if (left == sizeof(source->bytes)) {
		source->is_long = true;
		left = 0;
	}
	memmove(source->bytes, source->bytes + source->end - left, left);
	source->start = 0;
	source->end = left;
	n = pn_sys_pread(source->fd, source->bytes + left, sizeof(source->bytes) - left,
			 source->offset);
	if (n > 0) {
		source->offset += (uint64_t)n;
		source->end += (size_t)n;
	}
	source->is_end = source->end < sizeof(source->bytes);
	if (source->offset >= PN_CONFFILE_MAX) {
		source->is_end = source->is_cut = true;
		source->end = 0;
	}
	return n < 0 ? errno : 0;
}

/*
 * Finds the next line. Return: 0, with the line without its newline in @line, whose text is NULL if
 * the line is too long; ENODATA after the last line; or an errno.
 */
static int next_line(struct source *source, struct pn_span *line)
{
	const char *start, *newline;
	int err;

	for (;;) {
		start = source->bytes + source->start;
		newline = memchr(start, '\n', source->end - source->start);
		if (newline || source->is_end)
			break;
		err = read_more(source);
		if (err)
			return err;
	}
	if (!newline && source->start == source->end && !source->is_long)
		return ENODATA;
	line->len = newline ? (size_t)(newline - start) : source->end - source->start;
	line->text = source->is_long ? NULL : start;
	source->is_long = false;
	source->start += line->len + (newline != NULL);
	return 0;
}

/* Texts. */

static const struct pn_span nothing = { "", 0 };

static bool is_blank(char byte)
{
	return byte == ' ' || byte == '\t' || byte == '\r';
}

static struct pn_span trim(struct pn_span span)
{
	while (span.len && is_blank(span.text[0])) {
		span.text++;
		span.len--;
	}
	while (span.len && is_blank(span.text[span.len - 1]))
		span.len--;
	return span;
}

/* Returns the part before the first byte for which @is_end is true; @rest is the other part. */
static struct pn_span split(struct pn_span span, bool (*is_end)(char byte), struct pn_span *rest)
{
	size_t len = 0;

	while (len < span.len && !is_end(span.text[len]))
		len++;
	*rest = (struct pn_span){ span.text + len, span.len - len };
	return (struct pn_span){ span.text, len };
}

static bool is_equals_sign(char byte)
{
	return byte == '=';
}

static bool begins_with(const char *text, struct pn_span beginning)
{
	return strnlen(text, beginning.len) == beginning.len &&
	       !memcmp(text, beginning.text, beginning.len);
}

/* The identity of the program. */

/**
 * struct reading - the state while the file is read
 * @file: which file is read, and for which program
 * @config: the configuration to fill in
 * @line: number of the current line
 * @counts: the keys of the current section apply to the program
 * @is_found: the program's section has been found
 * @has_exe: @exe has been looked up
 * @has_cgroup: @cgroup has been looked up
 * @exe: path of this process's program; empty if unknown
 * @cgroup: control group of this process; empty if unknown
 */
struct reading {
	const struct pn_conffile *file;
	struct pn_config *config;
	unsigned int line;
	bool counts;
	bool is_found;
	bool has_exe;
	bool has_cgroup;
	char exe[PN_CONFFILE_LINE_MAX];
	char cgroup[PN_CONFFILE_LINE_MAX / 2];
};

/* Looks up the program's path. Without /proc, as in a bare chroot, uses the path given to exec. */
static PN_NOINLINE void ask_for_exe(struct reading *reading)
{
	const char *name = (const char *)getauxval(AT_EXECFN);

	if (pn_sys_read_link("/proc/self/exe", reading->exe, sizeof(reading->exe)))
		return;
	reading->exe[0] = '\0';
	if (name && name[0] == '/' && strlen(name) < sizeof(reading->exe))
		strcpy(reading->exe, name);
}

static const char *exe_of(struct reading *reading)
{
	if (reading->file->exe)
		return reading->file->exe;
	if (!reading->has_exe)
		ask_for_exe(reading);
	reading->has_exe = true;
	return reading->exe;
}

/*
 * Looks up the control group, in the unified hierarchy or in the one that systemd manages. The last
 * one listed counts. A path that does not fit is skipped.
 */
static PN_NOINLINE void ask_for_cgroup(struct reading *reading)
{
	static const struct pn_span unified = { "0::", 3 };
	static const char named[] = ":name=systemd:";
	struct source source;
	struct pn_span line;

	reading->cgroup[0] = '\0';
	if (open_source(&source, "/proc/self/cgroup"))
		return;
	while (!next_line(&source, &line)) {
		const char *path = NULL;

		if (line.text && line.len > 3 && begins_with(line.text, unified))
			path = line.text + 3;
		else if (line.text &&
			 (path = memmem(line.text, line.len, named, sizeof(named) - 1)))
			path += sizeof(named) - 1;
		if (!path || (size_t)(line.text + line.len - path) >= sizeof(reading->cgroup))
			continue;
		memcpy(reading->cgroup, path, (size_t)(line.text + line.len - path));
		reading->cgroup[line.text + line.len - path] = '\0';
	}
	pn_sys_close(source.fd);
}

static const char *cgroup_of(struct reading *reading)
{
	if (reading->file->cgroup)
		return reading->file->cgroup;
	if (!reading->has_cgroup)
		ask_for_cgroup(reading);
	reading->has_cgroup = true;
	return reading->cgroup;
}

/* Sections. */

enum fit {
	FITS,
	FITS_NOT,
	MAKES_NO_SENSE,
};

/* @name is a path or, with * at its end, the beginning of paths. */
static enum fit fit_exe(struct reading *reading, struct pn_span name)
{
	const char *exe;
	bool is_beginning = name.len && name.text[name.len - 1] == '*';

	if (is_beginning)
		name.len--;
	if ((!is_beginning || name.len) && (!name.len || name.text[0] != '/'))
		return MAKES_NO_SENSE;
	if (reading->file->is_check)
		return FITS;
	exe = exe_of(reading);
	if (!begins_with(exe, name) || !exe[0])
		return FITS_NOT;
	return is_beginning || !exe[name.len] ? FITS : FITS_NOT;
}

/* @name is a control group; the groups below it match too. */
static enum fit fit_cgroup(struct reading *reading, struct pn_span name)
{
	const char *cgroup;

	if (!name.len || name.text[0] != '/')
		return MAKES_NO_SENSE;
	if (reading->file->is_check)
		return FITS;
	while (name.len && name.text[name.len - 1] == '/')
		name.len--;
	cgroup = cgroup_of(reading);
	if (!begins_with(cgroup, name))
		return FITS_NOT;
	return cgroup[name.len] == '/' || (name.len && !cgroup[name.len]) ? FITS : FITS_NOT;
}

/* @name is a user's number. The C library's functions that look up names would allocate. */
static enum fit fit_user(struct reading *reading, struct pn_span name)
{
	uint64_t user = 0;

	if (!name.len || name.len > 10)
		return MAKES_NO_SENSE;
	for (size_t i = 0; i < name.len; i++) {
		if (name.text[i] < '0' || name.text[i] > '9')
			return MAKES_NO_SENSE;
		user = 10 * user + (uint64_t)(name.text[i] - '0');
	}
	if (user >= UINT32_MAX)
		return MAKES_NO_SENSE;
	return reading->file->is_check || user == reading->file->user ? FITS : FITS_NOT;
}

static const struct {
	const char *word;
	enum fit (*fit)(struct reading *reading, struct pn_span name);
	const char *names;
} kinds[] = {
	{ "exe", fit_exe, "an absolute path, with * at its end for all that begin so" },
	{ "cgroup", fit_cgroup, "a path that begins with /" },
	{ "user", fit_user, "a user's number (id -u NAME)" },
};

#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

static void note(struct reading *reading, enum pn_conffile_note what, struct pn_span text)
{
	if (reading->file->note)
		reading->file->note(reading->file->context, what, reading->line, text);
}

static void complain_start(struct reading *reading, struct pn_line *line)
{
	pn_line_start(line);
	pn_line_text(line, reading->file->path);
	pn_line_text(line, ":");
	pn_line_number(line, reading->line);
	pn_line_text(line, ": ");
}

static void complain_end(struct reading *reading, struct pn_line *line)
{
	note(reading, PN_CONFFILE_ERROR, (struct pn_span){ line->text, line->len });
}

static void complain(struct reading *reading, const char *before, struct pn_span text,
		     const char *after)
{
	struct pn_line line;

	complain_start(reading, &line);
	pn_line_text(&line, before);
	pn_line_span(&line, text.text, text.len);
	pn_line_text(&line, after);
	complain_end(reading, &line);
}

static void complain_of_name(struct reading *reading, size_t kind, struct pn_span name)
{
	struct pn_line line;

	complain_start(reading, &line);
	pn_line_text(&line, "bad name \"");
	pn_line_span(&line, name.text, name.len);
	pn_line_text(&line, "\" of a section for ");
	pn_line_text(&line, kinds[kind].word);
	pn_line_text(&line, "; use ");
	pn_line_text(&line, kinds[kind].names);
	complain_end(reading, &line);
}

/* Begins a section; @text begins with [. A header that is not valid begins a section for nobody. */
static void begin_section(struct reading *reading, struct pn_span text)
{
	struct pn_span word, name;
	size_t kind = 0;
	enum fit fit;

	reading->counts = false;
	if (text.len < 2 || text.text[text.len - 1] != ']') {
		complain(reading, "\"", text, "\" does not end with ]");
		return;
	}
	word = split(trim((struct pn_span){ text.text + 1, text.len - 2 }), is_blank, &name);
	name = trim(name);
	while (kind < KINDS &&
	       (word.len != strlen(kinds[kind].word) || !begins_with(kinds[kind].word, word)))
		kind++;
	if (kind == KINDS) {
		complain(reading, "unknown section \"", word, "\"; known are exe, cgroup and user");
		return;
	}
	fit = kinds[kind].fit(reading, name);
	if (fit == MAKES_NO_SENSE)
		complain_of_name(reading, kind, name);
	if (fit != FITS)
		return;
	reading->counts = reading->is_found = true;
	note(reading, PN_CONFFILE_SECTION, text);
}

static void set_key(struct reading *reading, struct pn_span text)
{
	struct pn_line line;
	struct pn_span value, key = trim(split(text, is_equals_sign, &value));

	if (!value.len) {
		complain(reading, "\"", text, "\" is neither [section] nor key = value");
		return;
	}
	value = trim((struct pn_span){ value.text + 1, value.len - 1 });
	complain_start(reading, &line);
	if (pn_config_set(reading->config, key, value, &line))
		note(reading, PN_CONFFILE_KEY, text);
	else
		complain_end(reading, &line);
}

/* Return: false if this line ends the program's section, and the rest need not be read. */
static bool read_line(struct reading *reading, struct pn_span text)
{
	bool is_check = reading->file->is_check;

	if (!text.text) {
		if (reading->counts || is_check)
			complain(reading, "", nothing, "the line is too long");
		return true;
	}
	text = trim(text);
	if (!text.len || text.text[0] == '#')
		return true;
	if (text.text[0] == '[') {
		if (reading->is_found && !is_check)
			return false;
		begin_section(reading, text);
	} else if (reading->counts || is_check) {
		set_key(reading, text);
	}
	return true;
}

static int read_lines(struct reading *reading, struct source *source)
{
	struct pn_span text;
	int err;

	for (;;) {
		err = next_line(source, &text);
		if (err)
			break;
		reading->line++;
		if (!read_line(reading, text))
			return 0;
	}
	if (source->is_cut)
		complain(reading, "", nothing, "the file is too long; the rest is ignored");
	return err == ENODATA ? 0 : err;
}

/* Keys before the first section apply to every program that a section matches. */
int pn_conffile_read(struct pn_config *config, const struct pn_conffile *file)
{
	struct reading reading;
	struct source source;
	int err;

	pn_config_defaults(config);
	err = open_source(&source, file->path);
	if (err)
		return err;
	reading.file = file;
	reading.config = config;
	reading.line = 0;
	reading.counts = true;
	reading.is_found = reading.has_exe = reading.has_cgroup = false;
	err = read_lines(&reading, &source);
	pn_sys_close(source.fd);
	if (!reading.is_found)
		pn_config_defaults(config);
	config->is_given = reading.is_found;
	return err;
}

/**
 * struct warning - the message about wrong lines that concern the program
 * @count: how many wrong lines there are
 * @line: the message about the first of them
 */
struct warning {
	unsigned int count;
	struct pn_line line;
};

static void remember(void *context, enum pn_conffile_note what, unsigned int line,
		     struct pn_span text)
{
	struct warning *warning = context;

	(void)line;
	if (what != PN_CONFFILE_ERROR || warning->count++)
		return;
	warning->line.len = 0;
	pn_line_span(&warning->line, text.text, text.len);
}

void pn_conffile_ask(struct pn_config *config, const char *path, const char *off_path,
		     bool is_quiet)
{
	struct warning warning = { .count = 0 };
	struct pn_conffile file = {
		.path = path,
		.user = getauxval(AT_EUID),
		.note = is_quiet ? NULL : remember,
		.context = &warning,
	};

	pn_conffile_read(config, &file);
	if (config->is_given && config->policy != PN_POLICY_PASSTHROUGH &&
	    pn_sys_exists(off_path)) {
		pn_config_defaults(config);
		return;
	}
	/* A program with raised privileges has not chosen its stderr: its caller has. */
	if (!config->is_given || !warning.count || getauxval(AT_SECURE))
		return;
	if (warning.count > 1) {
		pn_line_text(&warning.line, " (and ");
		pn_line_number(&warning.line, warning.count - 1);
		pn_line_text(&warning.line, " more)");
	}
	pn_line_text(&warning.line, "; ignored");
	pn_line_end(&warning.line, STDERR_FILENO);
}
