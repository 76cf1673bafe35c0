// SPDX-License-Identifier: MIT
/*
 * The reader of the configuration file; see conffile.h. From the bottom up: lines, who the
 * program is, headers of sections, keys.
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
 * struct source - a file, line by line
 * @offset: how much of it has been read
 * @start: of what was read and not given out yet
 * @end: likewise
 * @is_long: the line at @start is longer than there is room, and not all of it is here
 * @is_end: nothing follows @end
 * @is_cut: since the file is too long
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

/* No terminal of its own, no wait for whom writes to a pipe. Return: 0 or an errno. */
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
 * A file gives all that is asked for but at its end, so the end costs no call of its own. What
 * is no file (a pipe, a folder) gives an error. Return: 0 or an errno.
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

/* Return: 0 with a line without its end; .text is NULL if it is too long; ENODATA after the last, or an errno. */
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

/* The part before the first byte of which @is_end is true; @rest is what follows. */
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

/* Who the program is. */

/**
 * struct reading - one reading of the file
 * @counts: keys that come now are for the program
 * @is_found: its section has been
 * @has_exe: @exe was asked for; empty if nobody knows
 * @has_cgroup: likewise
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

/* Without /proc, in a bare chroot for example, there is the name that it was started by. */
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

/* The unified hierarchy's, or else the one that systemd manages. Longer ones are nobody's. */
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

/* A path, or with * at its end the beginning of some. */
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

/* The group itself, and those below it. */
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

/* By number: names are the business of libraries that allocate. */
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

/* A header that makes no sense begins a section for nobody. @text begins with [. */
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

/* Return: false when the rest is for others. */
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

/* Keys before the first section count for whoever has one. */
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
 * struct warning - the first line for the program that is wrong
 * @count: how many there are
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
	/* Who is served by raised privileges has not chosen what stderr is. */
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
