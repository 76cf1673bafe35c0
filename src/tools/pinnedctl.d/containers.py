# SPDX-License-Identifier: MIT
"""The CDI specification, by which podman and docker give a container pinned memory.

See the Container Device Interface of the CNCF. Version 0.5.0 has all that is used here, and is
what the podman of Debian 12 reads.
"""
import os

from system_files import at
from trouble import Trouble

VERSION = "0.5.0"
KIND = "pinned-mem/memory"
DEVICE = "/dev/pinned_mem"
LIBRARY = "libmalloc-pinned.so"
CONFIGURATION = "/etc/malloc-pinned.conf"


def node():
    """Returns the device's node; its group in the container has the number that it has outside."""
    try:
        group = os.stat(at(DEVICE)).st_gid
    except OSError:
        raise Trouble(f"there is no {DEVICE} for containers; pinnedctl check says why") from None
    return {"path": DEVICE, "permissions": "rw", "gid": group}


def mount(path):
    return {"hostPath": path, "containerPath": path, "options": ["ro", "nosuid", "nodev", "bind"]}


def device(name, mounts=(), variables=()):
    edits = {"deviceNodes": [node()]}
    if mounts:
        edits |= {"mounts": [mount(path) for path in mounts], "env": list(variables)}
    return {"name": name, "containerEdits": edits}


def specification(folder):
    """
    @folder contains libmalloc-pinned. The device "preload" puts all of a container's programs on
    pinned memory. The device "configured" leaves the choice to the configuration file, which
    libmalloc-pinned reads only if MALLOC_PINNED_CONF is not set.
    """
    library = os.path.join(folder, LIBRARY)
    if not os.path.isfile(library):
        raise Trouble(f"there is no {library} for containers; apt install libmalloc-pinned")
    load = f"LD_PRELOAD={library}"
    devices = [
        device("device"),
        device("preload", [library], [load, "MALLOC_PINNED_CONF=backend:auto"]),
    ]
    if os.path.isfile(at(CONFIGURATION)):
        devices.append(device("configured", [library, CONFIGURATION], [load]))
    return {"cdiVersion": VERSION, "kind": KIND, "devices": devices}
