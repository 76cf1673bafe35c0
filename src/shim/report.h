/* SPDX-License-Identifier: MIT */
/* What the shim tells people on stderr: a warning at the start, figures at exit. */
#ifndef PN_REPORT_H
#define PN_REPORT_H

/* Keep a copy of stderr for the report: many programs close theirs before they exit. */
void pn_report_prepare(void);

/* One line: no pinned memory because of @error, and what follows from it. */
void pn_report_no_backend(int error, const char *backend, const char *consequence);

/* One line: no pinned memory for @reason, and what follows from that. */
void pn_report_aside(const char *reason, const char *consequence);

/* Once, before requests are served: learns what standard error is, for pn_report_shortage(). */
void pn_report_start(void);

/*
 * One line: pinned memory is used up, and what to raise. For the first request that the next malloc
 * serves instead. Says nothing in a confined process, or if standard error is something else by now.
 */
void pn_report_shortage(void);

#endif /* PN_REPORT_H */
