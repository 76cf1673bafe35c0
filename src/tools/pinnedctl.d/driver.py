# SPDX-License-Identifier: MIT
"""The driver's figures and settings, in sysfs."""
import errno
import fcntl
import os
import struct
from collections import namedtuple

from system_files import at, names, read
from trouble import Trouble

DEVICE = "/sys/class/misc/pinned_mem"
MODULE = "/sys/module/pinned_mem"
CHUNK = 2 << 20

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


def is_loaded():
    return os.path.isdir(at(DEVICE))


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
    for name in names(DEVICE):
        if name.startswith("node") and name[4:].isdigit():
            keys = ("reserve_chunks", "reserve_free_chunks")
            values = {key: read(f"{DEVICE}/{name}/{key}") for key in keys}
            nodes[int(name[4:])] = {key: int(value) for key, value in values.items() if value}
    return nodes


def parameters():
    """Module parameters; those that may not be read are None."""
    folder = f"{MODULE}/parameters"
    return {name: read(f"{folder}/{name}") for name in names(folder)}


def version():
    return read(f"{MODULE}/version") or "unknown"


def resize_reserve(chunks, node):
    must_be_loaded()
    path = at(f"{DEVICE}{'' if node is None else f'/node{node}'}/reserve_chunks")
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


def info():
    """What the driver says of itself, and of our user."""
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
            f"the driver speaks version {answer.abi_version}, this library {ABI_VERSION}; "
            + (
                "upgrade libpinned1 and libmalloc-pinned"
                if answer.abi_version > ABI_VERSION
                else "upgrade pinned-mem-dkms, then reboot"
            )
        )
    return answer
