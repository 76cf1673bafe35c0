# SPDX-License-Identifier: MIT
"""Figures for people: one process in full, all processes in a table."""


def size(count):
    """Bytes in a unit that leaves at most four digits."""
    for unit in "BKMGT":
        if count < 10000 or unit == "T":
            return f"{count}{unit if unit != 'B' else ''}"
        count //= 1024
    return ""


def of_heap(heap):
    live = heap["object_bytes"] - heap["cached_bytes"]
    yield f"  chunks    {size(heap['chunk_bytes']):>6}  at most {size(heap['peak_chunk_bytes'])}, empty {size(heap['empty_chunk_bytes'])}"
    yield f"  objects   {size(live):>6}  medium {size(heap['medium_bytes'] - heap['medium_cached_bytes'])}, large {size(heap['large_bytes'])}"
    yield f"  cached    {size(heap['cached_bytes']):>6}  by {heap['caches']} threads"
    limit = "none" if heap["limit_bytes"] is None else size(heap["limit_bytes"])
    yield f"  limit     {limit:>6}  decay {heap['decay_ms']} ms"
    yield f"  requests to the backend: {heap['populate_calls']} for memory, {heap['punch_calls']} to give it back"
    if heap["classes"]:
        yield "    size  slabs  objects     live   cached     free"
    for entry in heap["classes"]:
        yield (
            f"  {size(entry['size']):>6}{'a' if entry['aligned'] else ' '}{entry['slabs']:>6} "
            f"{entry['objects']:>8} {entry['out'] - entry['cached']:>8} {entry['cached']:>8} "
            f"{entry['objects'] - entry['out']:>8}"
        )


def of_process(dump):
    yield f"{dump['program']} ({dump['pid']}): backend {dump['backend']}"
    for heap in dump["heaps"]:
        yield from of_heap(heap)
    yield f"  allocations that failed: {dump['failed_allocs']}"
    yield f"  served by libc instead: {dump['fallback_allocs']} requests, {size(dump['fallback_bytes'])}"


HEADING = "    PID PROGRAM          BACKEND  CHUNKS  EMPTY    LIVE  CACHED   LARGE  FAILED  TO LIBC"


def row(dump):
    def total(member):
        return sum(heap[member] for heap in dump["heaps"])

    return (
        f"{dump['pid']:>7} {dump['program']:<16} {dump['backend']:<8}{size(total('chunk_bytes')):>7}"
        f"{size(total('empty_chunk_bytes')):>7}{size(total('object_bytes') - total('cached_bytes')):>8}"
        f"{size(total('cached_bytes')):>8}{size(total('large_bytes')):>8}{dump['failed_allocs']:>8}"
        f"{size(dump['fallback_bytes']):>9}"
    )


def of_processes(dumps):
    """Those that hold most come first."""
    yield HEADING
    dumps = sorted(dumps, key=lambda dump: -sum(heap["chunk_bytes"] for heap in dump["heaps"]))
    yield from map(row, dumps)
