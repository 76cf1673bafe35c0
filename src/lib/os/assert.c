// SPDX-License-Identifier: MIT
/* What a failed assertion does; see assert.h. Released libraries do not contain this code. */
#include "os/assert.h"

#if PN_CHECKS

#include <stdlib.h>
#include <unistd.h>

#include "os/die.h"

void pn_assert_failed(const char *file, unsigned int line, const char *what)
{
	struct pn_line text;

	pn_line_start(&text);
	pn_line_text(&text, file);
	pn_line_text(&text, ":");
	pn_line_number(&text, line);
	pn_line_text(&text, ": assertion failed: ");
	pn_line_text(&text, what);
	pn_line_end(&text, STDERR_FILENO);
	abort();
}

#endif
