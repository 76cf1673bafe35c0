# SPDX-License-Identifier: MIT
"""The driver's figures and settings, in sysfs."""
import errno
import fcntl
import os
import struct
from collections import namedtuple

import units
from system_files import at, names, number, read
from trouble import Trouble

DEVICE = "/sys/class/misc/pinned_mem"
MODULE = "/sys/module/pinned_mem"
CHUNK = units.CHUNK

# PINNED_MEM_IOC_INFO of include/uapi/pinned_mem.h.
ABI_VERSION = 1
FEATURE_HUGE_MAP = 1 << 5
FEATURE_PHYS = 1 << 6
INFO_FORMAT = "=4I12Q4I"
IOC_INFO = 3 << 30 | struct.calcsize(INFO_FORMAT) << 16 | 0xB6 << 8
Info = namedtuple(
    "Info",
    "size flags abi_version features chunk_size pool_size pool_id pool_chunks used_chunks limit_chunks "
    "user_chunks user_limit_chunks pool_limit_chunks snapshot_pages resting_chunks reserve_chunks "
    "snapshots split_mappings mappings reserved",
)

# Files of the device in sysfs, which count chunks or pages, and their meanings.
COUNTERS = {
    "used_chunks": "Memory that processes hold",
    "low_chunks": "Memory below 4 GiB that processes hold or that is in quarantine",
    "snapshot_pages": "Pages that were copied for forked children",
    "resting_chunks": "Memory of dead owners in quarantine",
    "busy_chunks": "Freed memory that somebody still pins",
    "poisoned_chunks": "Memory that has failed and that nobody gets",
    "reserve_chunks": "Memory of the reserve",
    "reserve_free_chunks": "Memory of the reserve that is free",
    "carveout_chunks": "Memory that was reserved at boot",
    "carveout_free_chunks": "Memory that was reserved at boot and is free",
}
NODE_COUNTERS = ("reserve_chunks", "reserve_free_chunks")
# Module parameters that are limits; 0 means no limit.
LIMITS = {
    "limit_chunks": "What processes may hold",
    "low_limit_chunks": "What processes may hold below 4 GiB",
    "user_limit_chunks": "What the processes of one user may hold",
    "pool_limit_chunks": "What one pool of a process may hold",
}


def is_loaded():
    return os.path.isdir(at(DEVICE))


def must_be_loaded():
    if not is_loaded():
        raise Trouble("the driver is not loaded; modprobe pinned_mem")


def counters():
    """Returns {name: number}; empty without the driver."""
    values = {name: number(f"{DEVICE}/{name}") for name in COUNTERS}
    return {name: value for name, value in values.items() if value is not None}


def node_counters():
    """Returns {node: {name: number}} of the reserve."""
    nodes = {}
    for name in names(DEVICE):
        if name.startswith("node") and name[4:].isdigit():
            values = {key: number(f"{DEVICE}/{name}/{key}") for key in NODE_COUNTERS}
            found = {key: value for key, value in values.items() if value is not None}
            nodes[int(name[4:])] = found
    return nodes


def limits():
    """Returns {name: number} of the limits that are set and readable."""
    values = {name: number(f"{MODULE}/parameters/{name}") for name in LIMITS}
    return {name: value for name, value in values.items() if value}


def metric_of(name):
    """Returns (Prometheus' name, help, factor to bytes) of a counter or a limit."""
    about = COUNTERS.get(name) or LIMITS[name]
    unit = name.rpartition("_")[2]
    factor = CHUNK if unit == "chunks" else os.sysconf("SC_PAGESIZE")
    return f"pinned_mem_{name.removesuffix(unit)}bytes", about, factor


def parameters():
    """Returns the module's parameters; one that cannot be read is None."""
    folder = f"{MODULE}/parameters"
    return {name: read(f"{folder}/{name}") for name in names(folder)}


def descriptions(folder):
    """Returns {name: text} of the module's parameters, as its source describes them."""
    try:
        with open(os.path.join(folder, "parameters"), encoding="ascii") as file:
            return dict(line.rstrip("\n").split(" ", 1) for line in file)
    except OSError:
        return {}


def value_text(name, value):
    """Returns a parameter's value, with the size if the value is a number of chunks."""
    if value is None:
        return "(root may read it)"
    if name.endswith("_chunks") and value.isdigit():
        return units.chunks(int(value))
    return value


def version():
    return read(f"{MODULE}/version") or "unknown"


def reserve_of(node):
    """Returns the counters of the reserve, of the machine or of a NUMA node."""
    values = counters() if node is None else node_counters().get(node)
    if values is None:
        raise Trouble(f"there is no NUMA node {node} with memory")
    return {name: values.get(name, 0) for name in NODE_COUNTERS}


def resize_reserve(chunks, node):
    path = at(f"{DEVICE}{'' if node is None else f'/node{node}'}/reserve_chunks")
    try:
        with open(path, "w", encoding="ascii") as file:
            file.write(f"{chunks}\n")
    except PermissionError:
        raise Trouble("only root can resize the reserve; use sudo") from None
    except OSError as error:
        raise Trouble(
            f"the reserve stays as it was: {error.strerror}; there is not that much contiguous "
            "memory, try fewer chunks, or reserve them at boot (pinned_mem(4))"
        ) from None


def info():
    """Returns the driver's answer to INFO, which also describes the caller's user."""
    request = bytearray(struct.pack(INFO_FORMAT, struct.calcsize(INFO_FORMAT), *[0] * 19))
    try:
        fd = os.open(at("/dev/pinned_mem"), os.O_RDWR | os.O_CLOEXEC)
        try:
            fcntl.ioctl(fd, IOC_INFO, request)
        finally:
            os.close(fd)
    except OSError as error:
        if error.errno == errno.EINVAL:
            raise Trouble(
                "the driver is older than this library; upgrade pinned-mem-dkms, then reboot"
            ) from None
        raise Trouble(f"/dev/pinned_mem does not answer: {error.strerror}") from None
    answer = Info(*struct.unpack(INFO_FORMAT, request))
    if answer.abi_version != ABI_VERSION:
        raise Trouble(
            f"the driver has interface version {answer.abi_version}, this library {ABI_VERSION}; "
            + (
                "upgrade libpinned1 and libmalloc-pinned"
                if answer.abi_version > ABI_VERSION
                else "upgrade pinned-mem-dkms, then reboot"
            )
        )
    return answer
