// SPDX-License-Identifier: MIT
/* Messages; see die.h. */
#include "os/die.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "os/sys.h"

/* Text from the environment must neither end the line nor control a terminal. */
static bool is_control(char byte)
{
	return (unsigned char)byte < ' ' || byte == 0x7f;
}

void pn_line_span(struct pn_line *line, const char *text, size_t len)
{
	size_t room = sizeof(line->text) - 1 - line->len;

	if (len > room)
		len = room;
	for (size_t i = 0; i < len; i++)
		line->text[line->len++] = is_control(text[i]) ? '?' : text[i];
}

void pn_line_text(struct pn_line *line, const char *text)
{
	pn_line_span(line, text, strlen(text));
}

void pn_line_start(struct pn_line *line)
{
	line->len = 0;
	pn_line_text(line, "pinned: ");
}

static void append_digits(struct pn_line *line, uint64_t value, unsigned int base)
{
	char digits[20];
	size_t at = sizeof(digits);

	do {
		digits[--at] = "0123456789abcdef"[value % base];
		value /= base;
	} while (value);
	pn_line_span(line, digits + at, sizeof(digits) - at);
}

void pn_line_number(struct pn_line *line, uint64_t value)
{
	append_digits(line, value, 10);
}

static void append_pointer(struct pn_line *line, const void *pointer)
{
	pn_line_text(line, "0x");
	append_digits(line, (uintptr_t)pointer, 16);
}

void pn_line_end(struct pn_line *line, int fd)
{
	line->text[line->len++] = '\n';
	pn_sys_write(fd, line->text, line->len);
}

static _Noreturn void die(const char *caller, const char *what, const void *pointer)
{
	struct pn_line line;

	pn_line_start(&line);
	pn_line_text(&line, caller);
	pn_line_text(&line, what);
	append_pointer(&line, pointer);
	pn_line_end(&line, STDERR_FILENO);
	abort();
}

void pn_die_invalid(const char *caller, const void *pointer)
{
	die(caller, ": invalid pointer ", pointer);
}

void pn_die_size(const char *caller, const void *pointer)
{
	die(caller, ": wrong size or alignment for ", pointer);
}

void pn_die_written(const void *pointer)
{
	die("write after free", " to object ", pointer);
}

void pn_die_overflow(const void *pointer)
{
	die("write before or after", " object ", pointer);
}

void pn_die_freed(const char *caller, const void *pointer)
{
	die(caller, strncmp(caller, "free", 4) ? ": freed pointer " : ": double free of ", pointer);
}
