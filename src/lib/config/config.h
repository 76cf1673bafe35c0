/* SPDX-License-Identifier: MIT */
/* The configuration of a process, and the parser of a variable of words key:value,key:value. */
#ifndef PN_CONFIG_H
#define PN_CONFIG_H

#include "os/base.h"

enum pn_backend_kind {
	PN_BACKEND_AUTO,
	PN_BACKEND_DEVICE,
	PN_BACKEND_HUGETLB,
	PN_BACKEND_ANON,
};

enum pn_policy {
	PN_POLICY_FALLBACK,
	PN_POLICY_FAIL,
	PN_POLICY_PASSTHROUGH,
};

/**
 * struct pn_config - the configuration of a process
 * @is_given: the variable was set and not ignored, or a section of the file is for the process
 * @backend: the backend that provides memory
 * @policy: what the shim does without a backend or without memory
 * @min: the smallest request, in bytes, that the shim serves from pinned memory
 * @max: the largest request, in bytes, that the shim serves from pinned memory
 * @limit: how many bytes of chunks the process may hold
 * @contiguous: objects of at least this many bytes are physically contiguous; 0: only those of up to
 *	a chunk
 * @pin: pinned_map() pins other memory if it is asked for at least this many bytes; 0: never
 * @retain_limit: how many bytes may be in objects that were freed but are retained
 * @memory_type: PINNED_MEMORY_*, the type of the default heap's memory
 * @node: NUMA node, or -1 for any
 * @decay_ms: how long an idle chunk is kept
 * @idle: how many bytes of idle chunks the default heap may keep, however little it uses
 * @realtime: how many bytes of chunks to obtain at the start, and never to give back; 0: none
 * @is_fine: there are four size classes for each doubling, instead of one
 * @profile: mean bytes between the samples of a heap profile; 0 for no profile
 * @profile_file: the file for the profile at exit; empty for none
 * @zero_on_free: freed objects are zeroed
 * @quarantine: how many bytes of freed objects wait before their memory is reused
 * @has_guards: no accessible memory follows a chunk or a large object
 * @guard_every: one in so many objects ends before addresses without memory; 0: none
 * @is_random: a slab hands out its free objects in random order
 * @report: print statistics at exit
 * @is_quiet: print no message if pinned memory is missing or used up
 */
struct pn_config {
	bool is_given;
	enum pn_backend_kind backend;
	enum pn_policy policy;
	size_t min;
	size_t max;
	size_t limit;
	size_t contiguous;
	size_t pin;
	size_t retain_limit;
	uint32_t memory_type;
	int node;
	uint64_t decay_ms;
	size_t idle;
	size_t realtime;
	bool is_fine;
	size_t profile;
	char profile_file[256];
	bool zero_on_free;
	size_t quarantine;
	bool has_guards;
	uint32_t guard_every;
	bool is_random;
	bool report;
	bool is_quiet;
};

struct pn_line;

struct pn_span {
	const char *text;
	size_t len;
};

/* Sets the default of every key. */
void pn_config_defaults(struct pn_config *config);
/*
 * Sets a key. Return: false, with nothing changed, if @key is unknown or @value is not valid. If
 * @line is not NULL, an explanation with the valid keys or values is then appended to it.
 */
bool pn_config_set(struct pn_config *config, struct pn_span key, struct pn_span value,
		   struct pn_line *line);
/*
 * Sets the defaults, and then what the environment's @variable says. Words that are not valid are
 * skipped, and reported on stderr in one line.
 */
void pn_config_read(struct pn_config *config, const char *variable);

#endif /* PN_CONFIG_H */
