// SPDX-License-Identifier: MIT
/* Keeps one message per thread; the thread's next failure overwrites it. */
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
