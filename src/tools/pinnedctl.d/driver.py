# SPDX-License-Identifier: MIT
"""The driver's figures and settings, in sysfs."""
import os

from trouble import Trouble

# Tests put a folder of files in place of sysfs.
ROOT = os.environ.get("PINNEDCTL_SYSFS", "/sys")
DEVICE = f"{ROOT}/class/misc/pinned_mem"
MODULE = f"{ROOT}/module/pinned_mem"
CHUNK = 2 << 20

COUNTERS = {
    "used_chunks": "chunks that processes hold",
    "snapshot_pages": "pages that were copied for forked children",
    "resting_chunks": "chunks of dead owners that rest",
    "busy_chunks": "chunks that wait for somebody to let go of a page",
    "reserve_chunks": "chunks of the reserve",
    "reserve_free_chunks": "of these, free",
    "carveout_chunks": "chunks reserved at boot",
    "carveout_free_chunks": "of these, free",
}


def read(path):
    try:
        with open(path, encoding="ascii", errors="replace") as file:
            return file.read().strip()
    except OSError:
        return None


def is_loaded():
    return os.path.isdir(DEVICE)


def must_be_loaded():
    if not is_loaded():
        raise Trouble("the driver is not loaded; modprobe pinned_mem")


def counters():
    """{name: number}; empty without the driver."""
    values = {name: read(f"{DEVICE}/{name}") for name in COUNTERS}
    return {name: int(value) for name, value in values.items() if value is not None}


def node_counters():
    """{node: {name: number}} of the reserve."""
    nodes = {}
    for name in sorted(os.listdir(DEVICE)) if is_loaded() else []:
        if name.startswith("node") and name[4:].isdigit():
            keys = ("reserve_chunks", "reserve_free_chunks")
            values = {key: read(f"{DEVICE}/{name}/{key}") for key in keys}
            nodes[int(name[4:])] = {key: int(value) for key, value in values.items() if value}
    return nodes


def parameters():
    """Module parameters; those that may not be read are None."""
    folder = f"{MODULE}/parameters"
    names = sorted(os.listdir(folder)) if os.path.isdir(folder) else []
    return {name: read(f"{folder}/{name}") for name in names}


def version():
    return read(f"{MODULE}/version") or "unknown"


def resize_reserve(chunks, node):
    must_be_loaded()
    path = f"{DEVICE}/reserve_chunks" if node is None else f"{DEVICE}/node{node}/reserve_chunks"
    if not os.path.exists(path):
        raise Trouble(f"there is no NUMA node {node} with memory")
    try:
        with open(path, "w", encoding="ascii") as file:
            file.write(f"{chunks}\n")
    except PermissionError:
        raise Trouble("the reserve is resized by root only; use sudo") from None
    except OSError as error:
        raise Trouble(
            f"the reserve stays as it was: {error.strerror}; there is not that much contiguous "
            "memory, try fewer chunks, or reserve them at boot (pinned_mem(4))"
        ) from None
