// SPDX-License-Identifier: MIT
/* The library's version, for programs and for pinnedctl, which reads it from another process. */
#include "os/watch.h"
#include "pinned.h"

static const char version[] = PINNED_VERSION_TEXT;
PN_WATCH_VARIABLE(version, version);

unsigned int pinned_version(void)
{
	return PINNED_VERSION;
}
