# SPDX-License-Identifier: MIT
"""A process's figures, counted from its memory in the same way as pinned_dump(3) counts them.

The process continues meanwhile, so figures may be some operations apart. The library never
unmaps records: a pointer that is read leads to memory, although perhaps to an older state.
"""
import struct
import sys
from collections import namedtuple

from trouble import Trouble

DUMP_SCHEMA = 1
CLASSES_MAX = 4096

# A row of the library's table of figures (src/lib/figures/table.h), which the process's library
# contains: scope (process or heap), name, source, unit of the source (bytes, chunks, limit, ms or
# number), kind (gauge, counter or setting), and help text.
Figure = namedtuple("Figure", "scope name source unit kind help")


def table_of(process):
    """Returns the table of the library's figures."""
    return [Figure(*line.split(" ", 5)) for line in process.figures]


def shown(process, figure, value):
    """Converts a value to the unit that is shown; None means no limit."""
    shift = process.layout.constant("chunk_shift")
    if figure.unit == "limit":
        return None if value >= (1 << 64 - shift) - 1 else value << shift
    return value << shift if figure.unit == "chunks" else value


def value_at(process, source, base):
    """Reads a number by its source: names, with a slash after each structure. @base: a heap, or None."""
    for name in source.split("/"):
        if base is not None:
            offset, size = process.layout.member(name)
        elif name in process.layout.entries:
            offset, size = process.layout.variable(name)
        else:
            # Only libmalloc-pinned contains this variable. In a process with libpinned alone, the
            # figure is 0.
            return 0
        base = (base or 0) + offset
    return int.from_bytes(process.read(base, size), sys.byteorder)


def read_figures(process, scope, base=None, counted=()):
    """Returns {name: value} of a process or a heap, without values that this tool cannot count."""
    found = {}
    for figure in table_of(process):
        if figure.scope != scope:
            continue
        kind, _, name = figure.source.partition(":")
        if kind != "count":
            found[figure.name] = shown(process, figure, value_at(process, figure.source, base))
        elif name in counted:
            found[figure.name] = counted[name]
    return found


def heaps(process):
    """Returns the addresses of the heaps' records, the default heap first."""
    heap = process.address("heap")
    seen = {}
    # The list may change while it is walked.
    while heap and heap not in seen:
        seen[heap] = True
        heap = process.member(heap, "pn_heap.next")
    return list(seen)


def class_sizes(process):
    address, total = process.layout.variable("classes")
    each = process.layout.constant("sizeof_pn_class")
    if total > CLASSES_MAX * each:
        raise ValueError("more classes than a library has")
    data = process.read(address, total)
    return [process.field(data, at, "pn_class.size") for at in range(0, total, each)]


def cached(process, classes):
    """Returns (number, objects by class, bytes of medium objects) of threads' caches."""
    each = process.layout.constant("sizeof_pn_bin")
    others = process.layout.constant("bin_others")
    counts, medium = [0] * classes, 0
    cache = process.variable("tcaches")
    seen = set()
    while cache and cache not in seen:
        seen.add(cache)
        data = process.read(cache, process.layout.constant("sizeof_pn_tcache"))
        bins = process.layout.member("pn_tcache.bins")[0]
        for i in range(classes):
            for index in (i, others + i):
                counts[i] += process.field(data, bins + index * each, "pn_bin.count")
        medium += process.field(data, 0, "pn_tcache.medium_bytes")
        cache = process.field(data, 0, "pn_tcache.next")
    return len(seen), counts, medium


class Slot:
    """A slot that has memory."""

    def __init__(self, process, index, data, at, epoch):
        def field(name):
            return process.field(data, at, "pn_slot." + name)

        layout = process.layout
        self.index = index
        self.state = field("state")
        self.is_inherited = field("epoch") != epoch
        self.longest = field("longest")
        self.run = field("run")
        self.heap = field("heap")
        offset, size = layout.member("pn_slot.free")
        words = struct.unpack_from(f"={size // 8}Q", data, at + offset)
        self.free = sum(word << 64 * i for i, word in enumerate(words))


def slots(process):
    """Returns {index: Slot} for the slots that have memory."""
    each = process.layout.constant("sizeof_pn_slot")
    arena = process.address("arena")
    table = process.member(arena, "pn_arena.slots")
    epoch = process.member(arena, "pn_arena.epoch")
    size = process.member(arena, "pn_arena.size")
    count = size >> process.layout.constant("chunk_shift")
    if size > process.member(arena, "pn_arena.limit"):
        raise ValueError("more slots than the arena has")
    at_once = 512
    for first in range(0, count, at_once):
        some = min(at_once, count - first)
        data = process.read(table + first * each, some * each)
        for i in range(some):
            if process.field(data, i * each, "pn_slot.state"):
                yield Slot(process, first + i, data, i * each, epoch)


def records_of(process, slot):
    """Returns the table's entry for each page of a slot: a pointer to a struct pn_slab, or 0."""
    layout = process.layout
    pages = 1 << (layout.constant("chunk_shift") - layout.constant("page_shift"))
    table = process.member(process.address("arena"), "pn_arena.slabs")
    return process.pointers(table + slot.index * pages * layout.word, pages)


def slab_at(process, record):
    data = process.read(record, process.layout.constant("sizeof_pn_slab"))
    names = ("count", "pages", "class", "size", "free", "returned")
    return {name: process.field(data, 0, "pn_slab." + name) for name in names}


def count_slabs(process, heap, classes):
    """Returns {class: [slabs, objects, out]}."""
    counts = {i: [0, 0, 0] for i in range(classes)}
    pages = process.layout.constant("slot_pages")
    for slot in slots(process):
        if slot.state != pages or slot.heap != heap or slot.is_inherited:
            continue
        for record in set(records_of(process, slot)) - {0}:
            slab = slab_at(process, record)
            # A record that counts no objects belonged to a medium object that was freed.
            if slab["count"] and not slab["pages"] and slab["class"] < classes:
                count = counts[slab["class"]]
                count[0] += 1
                count[1] += slab["count"]
                count[2] += slab["count"] - slab["free"] - slab["returned"]
    return counts


def class_figures(process, sizes, counts, in_caches):
    plain = process.layout.constant("classes_plain")
    for i, size in enumerate(sizes):
        if counts[i][0]:
            slabs, objects, out = counts[i]
            yield {
                "class": i,
                "size": size,
                "aligned": i >= plain,
                "slabs": slabs,
                "objects": objects,
                "out": out,
                "cached": in_caches[i],
            }


def memory_of(process, heap):
    """Returns the content of a struct pn_memory; None means any."""
    pool = process.member_address(heap, "pn_heap.pool")
    memory = process.member_address(pool, "pn_pool.memory")
    node = process.member(memory, "pn_memory.node")
    ceiling = process.member(memory, "pn_memory.max_phys")
    types = process.words("memory_types")[0].split()
    return {
        "memory": types[process.member(memory, "pn_memory.type")],
        "node": None if node >> 31 else node,
        "max_phys": None if ceiling == (1 << 64) - 1 else ceiling,
    }


def count_heap(process, heap, sizes):
    """Returns (the figures with a source "count:", the classes in use)."""
    caches, in_caches, medium_cached = 0, [0] * len(sizes), 0
    # Threads cache objects of the default heap only.
    if heap == process.address("heap"):
        caches, in_caches, medium_cached = cached(process, len(sizes))
    counts = count_slabs(process, heap, len(sizes))
    stats = "pn_heap.stats/pn_heap_stats."
    runs = value_at(process, stats + "large_chunks", heap) << process.layout.constant("chunk_shift")
    counted = {
        "objects": value_at(process, stats + "medium_bytes", heap)
        + runs
        + sum(counts[i][2] * size for i, size in enumerate(sizes)),
        "cached": medium_cached + sum(n * size for n, size in zip(in_caches, sizes)),
        "medium_cached": medium_cached,
        "caches": caches,
    }
    return counted, list(class_figures(process, sizes, counts, in_caches))


def heap_dump(process, heap):
    counted, classes = count_heap(process, heap, class_sizes(process))
    figures = read_figures(process, "heap", heap, counted)
    return memory_of(process, heap) | figures | {"classes": classes}


def chunk_dump(process):
    layout = process.layout
    for slot in slots(process):
        entry = {"slot": slot.index, "inherited": slot.is_inherited}
        if slot.state == layout.constant("slot_empty"):
            entry["state"] = "empty"
        elif slot.state == layout.constant("slot_raw"):
            entry["state"] = "raw"
        elif slot.state == layout.constant("slot_large"):
            entry |= {"state": "large", "chunks": slot.run}
        elif slot.state == layout.constant("slot_pages"):
            free = slot.free.bit_count()
            entry |= {"state": "pages", "free_pages": free, "longest": slot.longest}
        else:
            continue
        yield entry


def backend(process):
    pool = process.member_address(process.address("heap"), "pn_heap.pool")
    kind = process.member(pool, "pn_pool.backend")
    return process.text(process.member(kind, "pn_backend.name")) if kind else "none"


def dump(process):
    """Returns what pinned_dump() would write in the process."""
    arena = process.address("arena")
    size = process.member(arena, "pn_arena.size")
    return {
        "schema": DUMP_SCHEMA,
        "version": process.version,
        "pid": process.pid,
        "program": process.program,
        "backend": backend(process),
        "chunk_size": 1 << process.layout.constant("chunk_shift"),
        **read_figures(process, "process"),
        "heaps": [heap_dump(process, heap) for heap in heaps(process)] if size else [],
        "chunks": list(chunk_dump(process)) if size else [],
    }


def v2p(process, address):
    """Returns the physical address of a byte of the process."""
    arena = process.address("arena")
    offset = address - process.member(arena, "pn_arena.base")
    shift = process.layout.constant("chunk_shift")
    if not 0 <= offset < process.member(arena, "pn_arena.size"):
        raise Trouble(f"{address:#x} is not in pinned memory of process {process.pid}")
    table = process.member(arena, "pn_arena.phys")
    entry = int.from_bytes(process.read(table + (offset >> shift) * 8, 8), sys.byteorder)
    if not entry:
        raise Trouble(
            f"{address:#x} has no physical address in process {process.pid}: there is no chunk, "
            f"it is inherited, or the backend ({backend(process)}) knows none"
        )
    return entry - 1 + (offset & (1 << shift) - 1)
