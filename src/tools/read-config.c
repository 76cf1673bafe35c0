// SPDX-License-Identifier: MIT
/*
 * Reads a configuration file with libmalloc-pinned's own parser, for pinnedctl(1). Prints one line
 * for each note of the parser: a word (error, section, key), the number of the line, and the text.
 *
 * usage: read-config check FILE | show FILE EXE CGROUP USER
 * An empty CGROUP stands for the caller's control group.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/conffile.h"

static void print(void *context, enum pn_conffile_note note, unsigned int line, struct pn_span text)
{
	static const char *const words[] = { "error", "section", "key" };
	const char *path = context;
	size_t skipped = 0;

	/* Skip the message's prefix, "pinned: FILE:LINE: ". */
	if (note == PN_CONFFILE_ERROR) {
		skipped = strlen("pinned: ") + strlen(path) +
			  (size_t)snprintf(NULL, 0, ":%u: ", line);
		if (skipped > text.len)
			skipped = text.len;
	}
	printf("%s %u ", words[note], line);
	fwrite(text.text + skipped, 1, text.len - skipped, stdout);
	putchar('\n');
}

int main(int argc, char **argv)
{
	struct pn_conffile file = { .note = print };
	struct pn_config config;
	int err;

	if (argc == 3 && !strcmp(argv[1], "check")) {
		file.is_check = true;
	} else if (argc == 6 && !strcmp(argv[1], "show")) {
		file.exe = argv[3];
		file.cgroup = argv[4][0] ? argv[4] : NULL;
		file.user = strtoul(argv[5], NULL, 10);
	} else {
		fputs("usage: read-config check FILE | show FILE EXE CGROUP USER\n", stderr);
		return 2;
	}
	file.path = argv[2];
	file.context = argv[2];
	err = pn_conffile_read(&config, &file);
	if (err) {
		fprintf(stderr, "%s: %s\n", argv[2], strerror(err));
		return 1;
	}
	return fflush(stdout) ? 1 : 0;
}
