/* SPDX-License-Identifier: MIT */
/*
 * Compares two configurations, for tests of the parser. test/unit/configuration_keys_take_effect.c
 * checks that the comparison sees every key of the parser.
 */
#ifndef SAME_CONFIGURATION_H
#define SAME_CONFIGURATION_H

#include <string.h>

#include "config/config.h"

static inline bool is_same(const struct pn_config *a, const struct pn_config *b)
{
	return a->is_given == b->is_given && a->backend == b->backend && a->policy == b->policy &&
	       a->min == b->min && a->max == b->max && a->limit == b->limit &&
	       a->contiguous == b->contiguous && a->pin == b->pin &&
	       a->retain_limit == b->retain_limit && a->memory_type == b->memory_type &&
	       a->node == b->node && a->decay_ms == b->decay_ms && a->idle == b->idle &&
	       a->realtime == b->realtime && a->is_fine == b->is_fine && a->profile == b->profile &&
	       !strcmp(a->profile_file, b->profile_file) && a->zero_on_free == b->zero_on_free &&
	       a->quarantine == b->quarantine && a->has_guards == b->has_guards &&
	       a->guard_every == b->guard_every && a->is_random == b->is_random &&
	       a->report == b->report && a->is_quiet == b->is_quiet;
}

#endif /* SAME_CONFIGURATION_H */
