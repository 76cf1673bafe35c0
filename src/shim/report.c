// SPDX-License-Identifier: MIT
/* Messages of the shim. */
#include "report.h"

#include <errno.h>
#include <sys/types.h>
#include <unistd.h>

#include "arena/arena.h"
#include "chunk/limit.h"
#include "os/confined.h"
#include "os/die.h"
#include "os/fdguard.h"
#include "os/syscall.h"
#include "pinned.h"
#include "route.h"

extern char *program_invocation_short_name;

static struct pn_fd report_fd = PN_FD_NONE;
static struct pn_fd standard_error = PN_FD_NONE;
static bool is_wanted;
/* A copy of the program's name, because servers overwrite the original with their titles. */
static char program[64];

/*
 * Copies a name and replaces blanks, '=' and non-ASCII bytes, so that it is one word in the report.
 */
static void copy_name(char *to, const char *from, size_t size)
{
	size_t i = 0;

	for (; from[i] && i < size - 1; i++)
		to[i] = from[i] > ' ' && from[i] < 127 && from[i] != '=' ? from[i] : '_';
	to[i] = '\0';
}

void pn_report_prepare(void)
{
	is_wanted = true;
	copy_name(program, program_invocation_short_name, sizeof(program));
	pn_fd_guard_copy(&report_fd, STDERR_FILENO);
}

static const char *advice_for(int error)
{
	switch (error) {
	case ENOENT:
	case ENODEV:
	case ENXIO:
		return "the driver is not loaded; modprobe pinned_mem";
	case EACCES:
	case EPERM:
		return "no permission; add the user to the group pinned";
	case EPROTO:
		return "the driver is older than this library; upgrade pinned-mem-dkms and reboot";
	case EPROTONOSUPPORT:
		return "the driver is newer than this library; upgrade libmalloc-pinned";
	case ENOTTY:
		return "/dev/pinned_mem is not the driver's device";
	case EOPNOTSUPP:
		return "the driver has no memory of this type here";
	case ENOMEM:
		return "not enough address space or memory";
	default:
		return "it cannot be opened";
	}
}

static void append_error(struct pn_line *line, int error)
{
	pn_line_text(line, "error ");
	pn_line_number(line, (uint64_t)error);
	pn_line_text(line, ": ");
	pn_line_text(line, advice_for(error));
}

void pn_report_no_backend(int error, const char *backend, const char *consequence)
{
	struct pn_line line;

	pn_line_start(&line);
	pn_line_text(&line, "no pinned memory from backend ");
	pn_line_text(&line, backend);
	pn_line_text(&line, " (");
	append_error(&line, error);
	pn_line_text(&line, "); ");
	pn_line_text(&line, consequence);
	pn_line_end(&line, STDERR_FILENO);
}

void pn_report_obstacle(const char *reason, const char *consequence)
{
	struct pn_line line;

	pn_line_start(&line);
	pn_line_text(&line, "no pinned memory: ");
	pn_line_text(&line, reason);
	pn_line_text(&line, "; ");
	pn_line_text(&line, consequence);
	pn_line_end(&line, STDERR_FILENO);
}

void pn_report_start(void)
{
	if (pn_sys_identify(STDERR_FILENO, &standard_error.file))
		standard_error.fd = STDERR_FILENO;
}

/*
 * Returns why a chunk was refused with @refusal, and what to do; NULL if the errno tells nothing.
 */
static const char *reason_for(int refusal)
{
	switch (refusal) {
	case EDQUOT:
		return "a limit of the driver is reached; see pinnedctl limits, and raise "
		       "limit_chunks, user_limit_chunks or pool_limit_chunks";
	case ENOSPC:
		return "the process may map no more; raise RLIMIT_AS or RLIMIT_DATA";
	case ENOBUFS:
		return "the IOMMU maps no more for an attached device; raise RLIMIT_MEMLOCK, or "
		       "dma_entry_limit of vfio_iommu_type1";
	case EADDRNOTAVAIL:
		return "there is no contiguous run for an object of the size that the key "
		       "contiguous names; add memory by cma= or a carve-out";
	case ENOMEM:
		if (pn_heap.pool.backend == &pn_backend_hugetlb)
			return "no huge page is free; raise vm.nr_hugepages";
		return "the kernel has no chunk of 2 MiB; raise the memory cgroup's limit, or make "
		       "a reserve if memory is fragmented";
	default:
		return NULL;
	}
}

/* Appends why the last chunk was refused, and what to do. */
static void append_reason(struct pn_line *line)
{
	int refusal = __atomic_load_n(&pn_heap.refusal, __ATOMIC_RELAXED);
	const char *reason = reason_for(refusal);

	if (refusal == EFBIG) {
		pn_line_text(line, "the key limit allows no more than ");
		pn_line_number(line, pn_limit_get() * PN_CHUNK_SIZE);
		pn_line_text(line, " bytes; raise it");
	} else if (reason) {
		pn_line_text(line, reason);
	} else if (__atomic_load_n(&pn_heap.pool.is_open, __ATOMIC_RELAXED)) {
		pn_line_text(line, "the driver refuses more memory, with error ");
		pn_line_number(line, (uint64_t)refusal);
	} else {
		pn_line_text(line, "the program has closed /dev/pinned_mem, which cannot be "
				   "opened again (");
		append_error(line, refusal);
		pn_line_text(line, ")");
	}
}

void pn_report_shortage(void)
{
	struct pn_line line;
	int saved = errno;

	if (pn_runtime.config.is_quiet || pn_is_confined() || !pn_fd_is_intact(&standard_error))
		return;
	pn_line_start(&line);
	pn_line_text(&line, "pinned memory is used up: ");
	append_reason(&line);
	pn_line_text(&line, "; ordinary memory serves what does not fit");
	pn_line_end(&line, STDERR_FILENO);
	errno = saved;
}

static void append_figure(struct pn_line *line, const char *name, uint64_t value)
{
	pn_line_text(line, name);
	pn_line_number(line, value);
}

static __attribute__((destructor)) void report(void)
{
	struct pinned_stats stats = { .size = sizeof(stats) };
	struct pn_fallback fallback = pn_route_get_fallback();
	struct pn_line line;

	/*
	 * If the program has closed the copy, then nothing is printed: descriptor 2 may be any file
	 * by now. In a confined process the copy cannot be checked, since that takes a system call.
	 */
	if (!is_wanted || pn_is_confined() || !pn_fd_is_intact(&report_fd))
		return;
	pinned_stats(&stats);
	pn_line_start(&line);
	append_figure(&line, "report: pid=", (uint64_t)pn_syscall(SYS_getpid));
	pn_line_text(&line, " program=");
	pn_line_text(&line, program);
	pn_line_text(&line, " backend=");
	pn_line_text(&line, pn_heap_backend_name(&pn_heap));
	append_figure(&line, " chunks_peak=", stats.peak_chunk_bytes / PN_CHUNK_SIZE);
	append_figure(&line, " object_bytes=", stats.object_bytes - stats.cached_bytes);
	append_figure(&line, " fallback_allocs=", fallback.requests);
	append_figure(&line, " fallback_bytes=", fallback.bytes);
	pn_line_end(&line, report_fd.fd);
}
