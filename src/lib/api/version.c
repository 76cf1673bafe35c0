// SPDX-License-Identifier: MIT
/* The library's version, for programs and for whoever watches the process. */
#include "os/watch.h"
#include "pinned.h"

static const char version[] = PINNED_VERSION_TEXT;
PN_WATCH_VARIABLE(version, version);

unsigned int pinned_version(void)
{
	return PINNED_VERSION;
}
