/* SPDX-License-Identifier: MIT */
/* What the environment asks for, and the parser of its key:value,key:value words. */
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
 * @is_given: the variable was set (and not ignored)
 * @backend: where memory comes from
 * @policy: what the shim does without a backend or without memory
 * @min: smallest request in bytes that the shim sends to pinned memory
 * @max: largest
 * @limit: bytes of chunks that the process may hold
 * @retain_limit: bytes that may be held for who retains freed objects
 * @memory_type: PINNED_MEMORY_*, of malloc's heap
 * @node: NUMA node, or -1
 * @decay_ms: how long an empty chunk is kept
 * @is_fine: four size classes for each doubling, not one
 * @profile: mean bytes between the samples of a heap profile; 0 for none
 * @profile_file: where to write it at exit; or empty
 * @zero_on_free: freed objects are zeroed
 * @quarantine: bytes of freed objects that wait before their memory is used again
 * @has_guards: nothing accessible follows a chunk or a large object
 * @is_random: which free object a slab gives is left to chance
 * @report: print figures at exit
 * @is_quiet: do not say that pinned memory is missing or used up
 */
struct pn_config {
	bool is_given;
	enum pn_backend_kind backend;
	enum pn_policy policy;
	size_t min;
	size_t max;
	size_t limit;
	size_t retain_limit;
	uint32_t memory_type;
	int node;
	uint64_t decay_ms;
	bool is_fine;
	size_t profile;
	char profile_file[256];
	bool zero_on_free;
	size_t quarantine;
	bool has_guards;
	bool is_random;
	bool report;
	bool is_quiet;
};

struct pn_line;

struct pn_span {
	const char *text;
	size_t len;
};

/* What holds where nothing else is said. */
void pn_config_defaults(struct pn_config *config);
/*
 * Return: false if @key or @value make no sense; then nothing has changed, and what would make sense is
 * appended to @line, if there is one.
 */
bool pn_config_set(struct pn_config *config, struct pn_span key, struct pn_span value,
		   struct pn_line *line);
/* Reads @variable; words it does not understand are named on stderr in one line, and skipped. */
void pn_config_read(struct pn_config *config, const char *variable);

#endif /* PN_CONFIG_H */
