# SPDX-License-Identifier: MIT
"""Whether memory is available: reserve, limits, fragmentation; and the machine's IOMMU and huge pages."""
import os
import re
import resource

import check_driver
import driver
from finding import fault, note, ok
from system_files import at, names, number, read
from trouble import Trouble

# The page allocator's order of a chunk, with pages of 4 KiB.
CHUNK_ORDER = 9
CAP_IPC_LOCK = 14
PARAMETERS = f"{driver.MODULE}/parameters"
# The number of pages in a chunk.
CHUNK_PAGES = 1 << CHUNK_ORDER
# The driver logs this message once for each child for which it cannot copy a page.
KILLED_CHILD = r"pinned_mem: SIGBUS for (.*) \(pid (\d+)\): no memory to copy what it inherited"


def free_runs():
    """Returns the number of chunks that the page allocator has ready; None if it is unknown."""
    text = read("/proc/buddyinfo")
    if text is None:
        return None
    total = 0
    for line in text.splitlines():
        counts = line.partition("zone")[2].split()[1:]
        total += sum(
            int(free) << (order - CHUNK_ORDER)
            for order, free in enumerate(counts)
            if order >= CHUNK_ORDER
        )
    return total


def check_reserve(counters):
    size, free = counters.get("reserve_chunks", 0), counters.get("reserve_free_chunks", 0)
    carved = counters.get("carveout_free_chunks", 0)
    runs = free_runs()
    if not size:
        yield note(
            "reserve",
            "empty: chunks are taken from memory that is contiguous when they are needed; "
            "RESERVE_CHUNKS in /etc/default/pinned-mem sets some aside at boot, pinnedctl reserve N now",
        )
    elif not free:
        yield note(
            "reserve",
            f"all {size} chunks are in use; pinnedctl reserve {2 * size} adds as many again",
        )
    else:
        yield ok("reserve", f"{size} chunks, {free} free")
    if runs is None:
        return
    if free + carved + runs == 0:
        yield fault(
            "memory",
            "no 2 MiB are contiguous and free, inside or outside the reserve; "
            "end programs, or echo 1 > /proc/sys/vm/compact_memory; set a reserve aside at boot",
        )
    else:
        yield ok("memory", f"contiguous and free: {runs} chunks outside the reserve")


# Limits.


def pools():
    """Yields (process, chunks) for each pool that the caller may see."""
    for pid in filter(str.isdigit, names("/proc")):
        for fd in names(f"/proc/{pid}/fdinfo"):
            for line in (read(f"/proc/{pid}/fdinfo/{fd}") or "").splitlines():
                if line.startswith("pinned_mem_chunks:"):
                    yield pid, int(line.split()[1])


def check_global_limit(counters):
    limit = number(f"{PARAMETERS}/limit_chunks")
    copies = -(-counters.get("snapshot_pages", 0) // CHUNK_PAGES)
    raising = f"echo N > {PARAMETERS}/limit_chunks raises it; pinnedctl top shows the processes that hold them"
    if limit is None:
        return
    # Copies count only as far as they exceed their headroom, which is half of the limit.
    used = counters.get("used_chunks", 0) + max(0, copies - -(-limit // 2))
    if used >= limit:
        yield fault("limit", f"all {limit} chunks that programs may hold are in use; {raising}")
    elif used * 10 >= limit * 9:
        yield note("limit", f"{used} of {limit} chunks are in use; {raising}")
    else:
        yield ok("limit", f"{used} of {limit} chunks are in use")


def check_children(lines):
    """Finds forked children that were killed because memory was short. @lines: the kernel's log, or None."""
    killed = [found for found in (re.search(KILLED_CHILD, line) for line in lines or []) if found]
    if killed:
        name, pid = killed[-1].groups()
        others = f", and {len(killed) - 1} before it" if len(killed) > 1 else ""
        yield note(
            "children",
            f"{name} (pid {pid}){others} got SIGBUS: there was no memory for its copies of what it "
            "inherited by fork; raise limit_chunks, the user's limit or the control group's",
        )


def check_user_limit():
    limit = number(f"{PARAMETERS}/user_limit_chunks")
    if not limit:
        return
    try:
        used = driver.info().user_chunks
    except Trouble:
        return
    if used >= limit:
        yield fault(
            "user limit",
            f"you have all {limit} chunks that a user may hold; end programs, or as root "
            f"echo N > {PARAMETERS}/user_limit_chunks",
        )
    else:
        yield ok("user limit", f"you have {used} of {limit} chunks")


def check_pool_limit():
    limit = number(f"{PARAMETERS}/pool_limit_chunks")
    if not limit:
        return
    full = sorted({pid for pid, chunks in pools() if chunks >= limit}, key=int)
    if full:
        yield fault(
            "pool limit",
            f"all {limit} chunks that a pool may hold are held by process {', '.join(full[:10])}; "
            f"echo N > {PARAMETERS}/pool_limit_chunks",
        )
    else:
        yield ok("pool limit", f"{limit} chunks; no pool that you may see holds that many")


def has_capability(bit):
    for line in (read("/proc/self/status") or "").splitlines():
        if line.startswith("CapEff:"):
            return bool(int(line.split()[1], 16) >> bit & 1)
    return False


def check_memlock():
    """Checks RLIMIT_MEMLOCK, to which pools are charged only if the administrator has configured so."""
    if read(f"{PARAMETERS}/use_memlock") != "Y" or has_capability(CAP_IPC_LOCK):
        return
    limit = resource.getrlimit(resource.RLIMIT_MEMLOCK)[0]
    if limit == resource.RLIM_INFINITY:
        yield ok("memlock", "RLIMIT_MEMLOCK is charged, and unlimited")
    elif limit < driver.CHUNK:
        yield fault(
            "memlock",
            f"RLIMIT_MEMLOCK of {limit} bytes is charged, less than a chunk; ulimit -l, "
            "/etc/security/limits.conf or LimitMEMLOCK= of a service raise it",
        )
    else:
        yield note(
            "memlock",
            f"RLIMIT_MEMLOCK is charged: {limit // driver.CHUNK} chunks at most; ulimit -l raises it",
        )


def cgroup_folders():
    """Yields the caller's control group and its parents, in the unified hierarchy."""
    for line in (read("/proc/self/cgroup") or "").splitlines():
        if line.startswith("0::"):
            path = line[3:].rstrip("/")
            while path:
                yield f"/sys/fs/cgroup{path}"
                path = path.rpartition("/")[0]


def check_cgroup():
    for folder in cgroup_folders():
        limit, used = number(f"{folder}/memory.max"), number(f"{folder}/memory.current")
        if limit is None or used is None:
            continue
        if limit - used < driver.CHUNK:
            yield fault(
                "cgroup",
                f"{folder} has no room for a chunk: {used} of {limit} bytes are in use; echo N > {folder}/memory.max, "
                "or MemoryMax= of the service",
            )
        else:
            yield note(
                "cgroup",
                f"{folder}/memory.max is {limit} bytes; chunks from the page allocator are charged to it",
            )
        return


# The machine.


def check_iommu():
    """Checks whether physical addresses are valid for devices."""
    kinds = {
        read(f"/sys/kernel/iommu_groups/{group}/type")
        for group in names("/sys/kernel/iommu_groups")
    }
    kinds.discard(None)
    translated = sorted(kind for kind in kinds if kind.startswith("DMA"))
    if translated:
        yield note(
            "iommu",
            f"on, devices see translated addresses ({', '.join(translated)}): results of pinned_v2p() are not valid for them; "
            "use VFIO and pinned_device_attach(), a kernel driver pinned_mem_range_map(), or boot with iommu.passthrough=1",
        )
    elif kinds:
        yield ok(
            "iommu", f"passes through ({', '.join(sorted(kinds))}): devices use physical addresses"
        )
    else:
        yield ok("iommu", "none: devices use physical addresses")


def check_huge_pages():
    if not os.path.isdir(at("/sys/kernel/mm")):
        return  # no sysfs here
    if not os.path.isdir(at("/sys/kernel/mm/transparent_hugepage")):
        yield note(
            "huge pages",
            "none in this kernel (CONFIG_TRANSPARENT_HUGEPAGE), as in real-time kernels: "
            "small mappings, slower access",
        )
        return
    for line in (read("/proc/self/status") or "").splitlines():
        if line.split() == ["THP_enabled:", "0"]:
            yield note(
                "huge pages",
                "off for this process and what it starts (prctl PR_SET_THP_DISABLE): slower access",
            )
            return
    yield ok("huge pages", "this kernel has them")


def check():
    if driver.is_loaded():
        counters = driver.counters()
        yield from check_reserve(counters)
        yield from check_global_limit(counters)
        yield from check_children(check_driver.kernel_log())
        yield from check_user_limit()
        yield from check_pool_limit()
        yield from check_memlock()
        yield from check_cgroup()
    yield from check_iommu()
    yield from check_huge_pages()
