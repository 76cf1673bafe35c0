/* SPDX-License-Identifier: MIT */
/*
 * The configuration file, malloc-pinned.conf(5). It consists of sections, which contain the keys of
 * config.h; each section is for the programs of a path, a control group or a user. The first
 * section that matches the program applies. A program that no section matches passes through.
 *
 * The file is read inside the first malloc of every process of a system. The reader therefore does
 * not allocate or use stdio, makes three system calls for a file that fits into one buffer, uses a
 * fixed amount of stack, and ends whatever the file contains. It skips lines that it cannot parse.
 */
#ifndef PN_CONFFILE_H
#define PN_CONFFILE_H

#include "config/config.h"

/* The file must be shorter than the first; each line must be shorter than the second. */
#define PN_CONFFILE_MAX 65536
#define PN_CONFFILE_LINE_MAX 2048

enum pn_conffile_note {
	PN_CONFFILE_ERROR,
	PN_CONFFILE_SECTION,
	PN_CONFFILE_KEY,
};

/**
 * struct pn_conffile - which file to read, and for which program
 * @path: the file
 * @exe: the program's path; NULL for that of this process, which is looked up when a section needs
 *	it
 * @cgroup: the program's control group; NULL for that of this process, looked up likewise
 * @user: the program's effective user
 * @is_check: check every section, as if it matched the program
 * @note: called for each wrong line, with a text that says why, and with the number of the line for
 *	the section and the keys that apply; may be NULL
 * @context: passed to @note
 */
struct pn_conffile {
	const char *path;
	const char *exe;
	const char *cgroup;
	uint64_t user;
	bool is_check;
	void (*note)(void *context, enum pn_conffile_note note, unsigned int line,
		     struct pn_span text);
	void *context;
};

/*
 * Sets the defaults in @config, and then the keys of the section that matches the program. is_given
 * of @config says whether there is such a section. Return: 0, or the errno of the failure to read
 * the file.
 */
int pn_conffile_read(struct pn_config *config, const struct pn_conffile *file);

/*
 * Reads the file for this process. Sets the defaults if no section matches, or if a file @off_path
 * exists and the section does more than let the program pass through. Wrong lines that concern this
 * process are reported in one line on stderr, unless @is_quiet.
 */
void pn_conffile_ask(struct pn_config *config, const char *path, const char *off_path,
		     bool is_quiet);

#endif /* PN_CONFFILE_H */
