/* SPDX-License-Identifier: MIT */
/*
 * The configuration file, malloc-pinned.conf(5): sections, each for the programs of a
 * path, a control group or a user, with the keys of config.h. The first section that is for
 * the program wins; a program that no section is for passes through.
 *
 * It is read inside the first malloc of every process of a system. So: no allocation, no
 * stdio, three system calls for a file of one buffer, a fixed room on the stack, and an
 * end, whatever is in the file. What cannot be understood is skipped.
 */
#ifndef PN_CONFFILE_H
#define PN_CONFFILE_H

#include "config/config.h"

/* A file is shorter than this, and so is a line with its end. */
#define PN_CONFFILE_MAX 65536
#define PN_CONFFILE_LINE_MAX 2048

enum pn_conffile_note {
	PN_CONFFILE_ERROR,
	PN_CONFFILE_SECTION,
	PN_CONFFILE_KEY,
};

/**
 * struct pn_conffile - what to read, for whom
 * @path: the file
 * @exe: the program's path; NULL for this process, who is asked when a section needs it
 * @cgroup: its control group; likewise
 * @user: its effective user
 * @is_check: look at every section, as if it was for this program
 * @note: told of each line that is wrong (the text says why), and of the section and the keys that
 *        count, by their lines; or NULL
 * @context: for @note
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
 * @config begins with the defaults; its is_given says whether a section is for the program.
 * Return: 0, or the errno for which the file cannot be read.
 */
int pn_conffile_read(struct pn_config *config, const struct pn_conffile *file);

/*
 * For this process; the defaults if no section is for it, or if one is that does more than to let it pass
 * through, and a file @off_path exists. Lines for it
 * that are wrong are named in one line on stderr, unless @is_quiet.
 */
void pn_conffile_ask(struct pn_config *config, const char *path, const char *off_path,
		     bool is_quiet);

#endif /* PN_CONFFILE_H */
