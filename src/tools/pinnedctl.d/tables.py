# SPDX-License-Identifier: MIT
"""Figures for people: one process in full, all processes in a table."""


def size(count):
    """Bytes in a unit that leaves at most four digits."""
    for unit in "BKMGT":
        if count < 10000 or unit == "T":
            return f"{count}{unit if unit != 'B' else ''}"
        count //= 1024
    return ""


def limit_of(figures):
    limit = figures["limit_bytes"]
    return "none" if limit is None else size(limit)


def of_heap(heap):
    def show(name):
        return size(heap[name])

    live = heap["object_bytes"] - heap["cached_bytes"]
    node = "any node" if heap["node"] is None else f"node {heap['node']}"
    medium = heap["medium_bytes"] - heap["medium_cached_bytes"]
    limit = limit_of(heap)
    ceiling = "" if heap["max_phys"] is None else f", up to {heap['max_phys']:#x}"
    raw = f", raw chunks {show('raw_bytes')}" if heap["raw_bytes"] else ""
    peak, empty = show("peak_chunk_bytes"), show("empty_chunk_bytes")
    yield f"  heap of {heap['memory']} memory, {node}{ceiling}"
    yield f"  chunks    {show('chunk_bytes'):>6}  at most {peak}, empty {empty}"
    yield f"  objects   {size(live):>6}  medium {size(medium)}, large {show('large_bytes')}{raw}"
    yield f"  cached    {show('cached_bytes'):>6}  by {heap['caches']} threads"
    yield f"  limit     {limit:>6}  decay {heap['decay_ms']} ms"
    yield (
        f"  requests to the backend: {heap['populate_calls']} for memory, "
        f"{heap['punch_calls']} to give it back"
    )
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
    yield f"  limit of all heaps: {limit_of(dump)}; freed, but retained: {size(dump['retained_bytes'])}"
    yield f"  freed, but not used again yet: {size(dump['quarantine_bytes'])}"
    yield f"  allocations that failed: {dump['failed_allocs']}"
    fallback = size(dump["fallback_bytes"])
    yield f"  served by libc instead: {dump['fallback_allocs']} requests, {fallback}"


HEADING = "    PID PROGRAM          BACKEND  CHUNKS  EMPTY    LIVE  CACHED   LARGE  FAILED  TO LIBC"


def row(dump):
    def total(member):
        return sum(heap[member] for heap in dump["heaps"])

    live = total("object_bytes") - total("cached_bytes")
    return (
        f"{dump['pid']:>7} {dump['program']:<16} {dump['backend']:<8}"
        f"{size(total('chunk_bytes')):>7}{size(total('empty_chunk_bytes')):>7}"
        f"{size(live):>8}{size(total('cached_bytes')):>8}{size(total('large_bytes')):>8}"
        f"{dump['failed_allocs']:>8}{size(dump['fallback_bytes']):>9}"
    )


def of_processes(dumps):
    """Those that hold most come first."""
    yield HEADING
    dumps = sorted(dumps, key=lambda dump: -sum(heap["chunk_bytes"] for heap in dump["heaps"]))
    yield from map(row, dumps)
