/* SPDX-License-Identifier: MIT */
/* Lines of the kernel's log: see log_lines.c. */
#ifndef LOG_LINES_H
#define LOG_LINES_H

#include <stdbool.h>

bool log_line_is_fault(const char *line);

#endif
