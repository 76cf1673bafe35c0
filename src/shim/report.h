/* SPDX-License-Identifier: MIT */
/* The shim's messages on stderr: a warning at the start, and statistics at exit. */
#ifndef PN_REPORT_H
#define PN_REPORT_H

/* Duplicates stderr for the report at exit, because many programs close stderr before they exit. */
void pn_report_prepare(void);

/*
 * Prints one line: that @backend gives no pinned memory, the reason (@error, an errno), and the
 * @consequence.
 */
void pn_report_no_backend(int error, const char *backend, const char *consequence);

/* Prints one line: that the process gets no pinned memory, the @reason, and the @consequence. */
void pn_report_obstacle(const char *reason, const char *consequence);

/*
 * Remembers which file standard error is, for pn_report_shortage(). Call this once, before any
 * request is served.
 */
void pn_report_start(void);

/*
 * Prints one line: that pinned memory is used up, and which limit to raise. Call this for the first
 * request that falls back to the next malloc. Prints nothing in a confined process, or if standard
 * error is no longer the file that pn_report_start() found. Preserves errno.
 */
void pn_report_shortage(void);

#endif /* PN_REPORT_H */
