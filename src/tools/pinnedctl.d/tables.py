# SPDX-License-Identifier: MIT
"""Figures for people: one process in full, all processes in a table. No line is longer than 80 columns
unless a program's name makes it so."""
import readings
from units import CHUNK, size


def text_of(figure, value):
    """Formats a figure's value, with the number of chunks for memory that is counted in chunks."""
    if value is None:
        return "none", ""
    if figure.unit == "ms":
        return f"{value} ms", ""
    if figure.unit == "number":
        return str(value), ""
    chunks = str(value // CHUNK) if figure.unit in ("chunks", "limit") else ""
    return size(value), chunks


def lines_of(table, scope, values):
    for figure in table:
        if figure.scope == scope and figure.name in values:
            value, chunks = text_of(figure, values[figure.name])
            yield f"  {figure.name:<20}{value:>8}{chunks:>7}  {figure.help}"


def title_of(number, heap):
    node = "any node" if heap["node"] is None else f"node {heap['node']}"
    ceiling = "" if heap["max_phys"] is None else f", up to {heap['max_phys']:#x}"
    return f"heap {number}: {heap['memory']} memory, {node}{ceiling}"


def lines_of_classes(classes):
    yield "    size  slabs  objects     live   cached     free"
    for entry in classes:
        yield (
            f"  {size(entry['size']):>6}{'a' if entry['aligned'] else ' '}{entry['slabs']:>6} "
            f"{entry['objects']:>8} {entry['out'] - entry['cached']:>8} {entry['cached']:>8} "
            f"{entry['objects'] - entry['out']:>8}"
        )


def of_process(reading):
    dump, table = reading.dump, reading.table
    yield (
        f"{dump['program']} ({dump['pid']}): backend {dump['backend']}, user {reading.user}, "
        f"library {dump['version']}"
    )
    yield f"  {'':<20}{'':>8}{'chunks':>7}"
    yield from lines_of(table, "process", dump)
    for number, heap in enumerate(dump["heaps"]):
        yield title_of(number, heap)
        live = heap.get("object_bytes", 0) - heap.get("cached_bytes", 0)
        yield from lines_of([*table, readings.LIVE], "heap", heap | {readings.LIVE.name: live})
        if heap["classes"]:
            yield from lines_of_classes(heap["classes"])


# The table of all processes.

COLUMNS = ("chunk_bytes", "live_bytes", "cached_bytes", "limit_bytes", "failed_allocs")


def headings(columns):
    names = (name.removesuffix("_bytes").removesuffix("_allocs").upper() for name in columns)
    return [f" {'HELD' if name == 'CHUNK' else name:>5}" for name in names]


def cell(value, name, heading):
    if value is None:
        text = "-"
    elif name.endswith("_bytes"):
        text = size(value)
    else:
        text = str(value)
    return f" {text:>{len(heading) - 1}}"


def row(reading, columns):
    """Returns a process's row: pid, user, program, backend, chunks, and the columns."""
    dump = reading.dump
    chunks = (readings.value(dump, "chunk_bytes") or 0) // CHUNK
    fixed = (
        f"{dump['pid']:>7} {reading.user[:8]:<8} {dump['program'][:15]:<15} {dump['backend']:<7}"
        f"{chunks:>6}"
    )
    cells = zip(columns, headings(columns))
    return fixed + "".join(cell(readings.value(dump, name), name, head) for name, head in cells)


def total(found, columns):
    dumps = [reading.dump for reading in found]
    held = sum(readings.value(dump, "chunk_bytes") or 0 for dump in dumps)
    processes = f"{len(found)} process{'' if len(found) == 1 else 'es'}"
    line = f"{'total':>7} {processes:<32}{held // CHUNK:>6}"
    for name, head in zip(columns, headings(columns)):
        # A sum of limits has no meaning.
        values = [readings.value(dump, name) or 0 for dump in dumps]
        line += " " * len(head) if name.startswith("limit") else cell(sum(values), name, head)
    return line


def sorted_by(found, name):
    """Sorts numbers in descending order, and texts and pids in ascending order."""
    if name == "user":
        return sorted(found, key=lambda reading: reading.user)
    if name in ("pid", "program", "backend"):
        return sorted(found, key=lambda reading: reading.dump[name])
    return sorted(found, key=lambda reading: -(readings.value(reading.dump, name) or 0))


def of_processes(found, columns=COLUMNS, sort="chunk_bytes"):
    yield "    PID USER     PROGRAM         BACKEND CHUNKS" + "".join(headings(columns))
    for reading in sorted_by(found, sort):
        yield row(reading, columns)
    yield total(found, columns)
