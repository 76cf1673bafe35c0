// SPDX-License-Identifier: MIT
/* The line that tells why: kept for each thread, overwritten by its next failure. */
#include "why.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

static __thread char text[256];

int why_fail(int error, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	errno = error;
	return -1;
}

const char *why(void)
{
	return text;
}
