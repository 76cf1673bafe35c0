# SPDX-License-Identifier: MIT
"""Figures of several processes. One that cannot be read does not keep the others from being read."""
from collections import namedtuple

import figures
import memory
from trouble import Trouble

# A reading of a process: what pinned_dump(3) would write, the library's table of figures, and the
# user's name.
Reading = namedtuple("Reading", "dump table user")

# A figure that is computed from others, and is in no library's table.
LIVE = figures.Figure("heap", "live_bytes", "", "bytes", "gauge", "Objects that the program holds")


def of(pid):
    with memory.watched(pid) as process:
        return Reading(figures.dump(process), figures.table_of(process), process.user)


def of_pids(pids):
    """Returns (readings, troubles) of these processes, in their order."""
    readings, troubles = [], []
    for pid in pids:
        try:
            readings.append(of(pid))
        except Trouble as trouble:
            troubles.append(trouble)
    return readings, troubles


def of_all():
    """Returns (readings, troubles) of all processes with the library, without those that end meanwhile."""
    readings, troubles = of_pids(memory.find_pids())
    kinds = (memory.OtherVersion, memory.NotPermitted)
    return readings, [trouble for trouble in troubles if isinstance(trouble, kinds)]


def value(dump, name):
    """Returns a figure of a process, or the sum over its heaps; None if the library lacks it."""
    if name == LIVE.name:
        held, cached = value(dump, "object_bytes"), value(dump, "cached_bytes")
        return None if held is None or cached is None else held - cached
    if name in dump:
        return dump[name]
    values = [heap[name] for heap in dump["heaps"] if heap.get(name) is not None]
    return sum(values) if values else None if dump["heaps"] else 0
