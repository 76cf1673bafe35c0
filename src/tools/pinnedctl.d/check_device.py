# SPDX-License-Identifier: MIT
"""The device, its permissions, and whether the driver has the interface of this version."""
import os
import pwd
import stat

import driver
from finding import fault, note, ok
from system_files import at, read
from trouble import Trouble

PATH = "/dev/pinned_mem"
GROUP = "pinned"
UDEV = "udevadm control --reload && udevadm trigger --name-match=pinned_mem"


def group():
    """Returns (number, names of members) of the device's group; None if there is no such group."""
    for line in (read("/etc/group") or "").splitlines():
        words = line.split(":")
        if words[0] == GROUP and len(words) == 4:
            return int(words[2]), [name for name in words[3].split(",") if name]
    return None


def user_name():
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())


def check_node(status):
    major, minor = os.major(status.st_rdev), os.minor(status.st_rdev)
    number, wanted = f"{major}:{minor}", group()
    if not stat.S_ISCHR(status.st_mode) or number != read(f"{driver.DEVICE}/dev"):
        yield fault("device", f"{PATH} is not the driver's device; rm {PATH} && {UDEV}")
    elif not wanted:
        yield fault("device", f"there is no group {GROUP}; systemd-sysusers && {UDEV}")
    elif status.st_gid != wanted[0] or stat.S_IMODE(status.st_mode) & 0o060 != 0o060:
        yield fault("device", f"{PATH} does not belong to the group {GROUP}; {UDEV}")
    elif stat.S_IMODE(status.st_mode) & 0o006:
        yield fault(
            "device",
            f"every user may open {PATH}, take memory that is never paged out, and see its addresses; "
            f"chmod 660 {PATH}, and correct the udev rule that allows it",
        )
    else:
        yield ok("device", f"{PATH} belongs to the group {GROUP}")


def check_caller():
    """Returns whether the caller may open the device."""
    user, wanted = user_name(), group()
    if os.access(at(PATH), os.R_OK | os.W_OK, effective_ids=True):
        if os.geteuid() == 0:
            yield note("user", "root may open it; for another user: sudo -u USER pinnedctl check")
        else:
            yield ok("user", f"{user} may open it")
    elif wanted and user in wanted[1] and wanted[0] not in os.getgroups():
        yield fault("user", f"{user} has joined the group {GROUP} after this login; log in again")
    else:
        yield fault(
            "user", f"{user} is not in the group {GROUP}; adduser {user} {GROUP}, and log in again"
        )


def check_interface():
    """Asks the driver for its interface. The caller may open the device."""
    try:
        info = driver.info()
    except Trouble as trouble:
        yield fault("interface", str(trouble))
        return
    yield ok("interface", f"version {info.abi_version}, the same as the library's")
    if not info.features & driver.FEATURE_PHYS:
        yield note(
            "addresses",
            "strict_phys is set: without CAP_SYS_RAWIO pinned_v2p() knows no address; "
            "setcap cap_sys_rawio+ep PROGRAM, or echo 0 > /sys/module/pinned_mem/parameters/strict_phys",
        )
    elif driver.parameters().get("strict_phys") == "Y":
        yield note("addresses", "strict_phys is set: only CAP_SYS_RAWIO sees physical addresses")
    else:
        yield ok("addresses", "users of the device can see those of their own memory")
    if not info.features & driver.FEATURE_HUGE_MAP:
        yield note(
            "pages",
            "this kernel or processor has no huge pages of 2 MiB; chunks are mapped by small ones, "
            "one fault for each chunk, and access is slower",
        )


def check():
    if not driver.is_loaded():
        return
    try:
        status = os.stat(at(PATH))
    except OSError:
        yield fault("device", f"there is no {PATH}; {UDEV} (in a container: give it the device)")
        return
    yield from check_node(status)
    yield from check_caller()
    if os.access(at(PATH), os.R_OK | os.W_OK, effective_ids=True):
        yield from check_interface()
