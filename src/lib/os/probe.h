/* SPDX-License-Identifier: MIT */
/*
 * Probes for perf, bpftrace, gdb and SystemTap (USDT), in slow paths only. Each probe is an
 * instruction that does nothing until somebody sets a breakpoint at it. doc/tracing.md documents
 * the names and arguments of the probes.
 */
#ifndef PN_PROBE_H
#define PN_PROBE_H

#if defined(__has_include)
#if __has_include(<sys/sdt.h>)
#include <sys/sdt.h>
#endif
#endif

#ifdef DTRACE_PROBE1
#define PN_PROBE1(name, a) DTRACE_PROBE1(pinned, name, a)
#define PN_PROBE2(name, a, b) DTRACE_PROBE2(pinned, name, a, b)
#define PN_PROBE3(name, a, b, c) DTRACE_PROBE3(pinned, name, a, b, c)
#else
#define PN_PROBE1(name, a) ((void)(a))
#define PN_PROBE2(name, a, b) ((void)(a), (void)(b))
#define PN_PROBE3(name, a, b, c) ((void)(a), (void)(b), (void)(c))
#endif

#endif /* PN_PROBE_H */
