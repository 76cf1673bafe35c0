# SPDX-License-Identifier: MIT
"""A process's chunks as text: a line for each chunk, a character for eight pages."""
import figures

LEGEND = """\
a character is 8 pages: s slabs, S slabs whose objects are all out, m medium objects,
+ several of these, . free; L a large object, R raw chunks, - an empty chunk that is kept, i inherited"""

PAGES_PER_CHARACTER = 8


def kinds_of_pages(process, slot):
    """Returns for each page of a slot "." or the letter of its content."""
    letters = {}
    kinds = []
    for page, record in enumerate(figures.records_of(process, slot)):
        if record and record not in letters:
            letters[record] = letter_of(figures.slab_at(process, record))
        # The table contains a slab's record for each page of the slab, and a medium object's record
        # for some of its pages.
        kinds.append("." if slot.free >> page & 1 else letters[record] if record else "m")
    return kinds


def letter_of(slab):
    if slab["pages"] or not slab["count"]:
        return "m"
    return "s" if slab["free"] else "S"


def squeeze(kinds):
    line = ""
    for at in range(0, len(kinds), PAGES_PER_CHARACTER):
        group = set(kinds[at : at + PAGES_PER_CHARACTER])
        line += group.pop() if len(group) == 1 else "+"
    return line


def line_of(process, slot, width):
    layout = process.layout
    if slot.is_inherited:
        return "i" * width
    if slot.state == layout.constant("slot_empty"):
        return "-" * width
    if slot.state == layout.constant("slot_pages"):
        return squeeze(kinds_of_pages(process, slot))
    return ("R" if slot.state == layout.constant("slot_raw") else "L") * width


def draw(process):
    """Yields the lines of the picture."""
    layout = process.layout
    arena = process.address("arena")
    base = process.member(arena, "pn_arena.base")
    if not process.member(arena, "pn_arena.size"):
        yield f"{process.program} ({process.pid}): no pinned memory"
        return
    shift = layout.constant("chunk_shift")
    width = (1 << shift - layout.constant("page_shift")) // PAGES_PER_CHARACTER
    yield f"{process.program} ({process.pid}): backend {figures.backend(process)}"
    rows = 0
    for slot in figures.slots(process):
        if slot.state == layout.constant("slot_large_tail"):
            continue
        text = line_of(process, slot, width)
        if slot.state == layout.constant("slot_large"):
            text += f" {slot.run} chunks"
        elif slot.state == layout.constant("slot_pages") and not slot.is_inherited:
            text += f" {slot.free.bit_count() * 100 >> shift - layout.constant('page_shift')}% free"
        yield f"{base + (slot.index << shift):012x} {text}"
        rows += 1
    yield LEGEND if rows else "no chunks"
