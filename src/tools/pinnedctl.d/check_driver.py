# SPDX-License-Identifier: MIT
"""Whether the driver is loaded, and if not, which step from the package to the kernel is missing."""
import gzip
import lzma
import os
import re

import driver
from finding import fault, note, ok
from system_files import at, names, read

SOURCES = "/usr/src"
DKMS = "/var/lib/dkms/pinned-mem"
FILE = re.compile(r"pinned_mem\.ko(\.(xz|zst|gz))?")
MODPROBE_FOLDERS = ("/etc/modprobe.d", "/run/modprobe.d", "/usr/lib/modprobe.d", "/lib/modprobe.d")
SECURE_BOOT = "/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"
SIGNATURE = b"~Module signature appended~\n"
# A container has one of these files: of systemd-nspawn and LXC, of docker, or of podman.
CONTAINERS = ("/run/systemd/container", "/.dockerenv", "/run/.containerenv")
ENROL = "enrol DKMS's key: mokutil --import /var/lib/dkms/mok.pub, and reboot"

# Messages in the kernel's log about a module that the kernel refuses, and what each means.
REFUSALS = (
    (
        r"Loading of unsigned module is rejected|unsigned module loading is restricted",
        "the kernel refused the module since it is not signed; {rebuild} signs it, "
        f"then {ENROL}",
    ),
    (
        r"Loading of module with unavailable key is rejected",
        f"the kernel refused the module since it does not know who signed it; {ENROL}",
    ),
    (
        r"pinned_mem: (Unknown symbol \S+)",
        'the kernel refused the module: "{0}"; it was built for another one: {rebuild}',
    ),
    (
        r"pinned_mem: (disagrees about version of symbol \S+|version magic .*)",
        'the kernel refused the module: "{0}"; it was built for another one: {rebuild}',
    ),
    (
        r"pinned_mem: (.*(?:carve-?out|reserve_chunks).*|.* invalid for parameter .*)",
        'the driver refused its options: "{0}"; change them in /etc/modprobe.d, then modprobe pinned_mem',
    ),
)


def release():
    return read("/proc/sys/kernel/osrelease") or os.uname().release


def find_module():
    """Returns the file of the running kernel's module; None if there is none."""
    for folder, _, files in os.walk(at(f"/lib/modules/{release()}")):
        for name in files:
            if FILE.fullmatch(name):
                return os.path.join(folder, name)
    return None


def content(path):
    """Returns a module's unpacked bytes; none if the module cannot be read or unpacked."""
    opens = {".xz": lzma.open, ".gz": gzip.open}.get(os.path.splitext(path)[1], open)
    try:
        with opens(path, "rb") as file:
            return b"" if path.endswith(".zst") else file.read()
    except (OSError, EOFError, lzma.LZMAError):
        return b""


def entry(data, key):
    """Returns an entry of the module's modinfo; None if it cannot be read."""
    found = re.search(rb"\0" + key + rb"=([^\0]*)\0", data)
    return found[1].decode(errors="replace") if found else None


def dkms_version():
    """Returns the version of the source that DKMS builds; None if there is no source."""
    found = [
        name[len("pinned-mem-") :] for name in names(SOURCES) if name.startswith("pinned-mem-")
    ]
    found = [version for version in found if read(f"{SOURCES}/pinned-mem-{version}/dkms.conf")]
    return found[-1] if found else None


def dkms_words():
    return f"pinned-mem/{dkms_version() or 'VERSION'} -k {release()}"


def rebuild_words():
    """Returns the commands that build and install again; `dkms install --force` alone does not build."""
    return f"dkms build --force {dkms_words()} && dkms install --force {dkms_words()}"


# The module is not built.


def first_error(log):
    lines = [line.strip() for line in (log or "").splitlines()]
    return next((line for line in lines if re.search(r"\berror\b|\*\*\*", line, re.I)), None)


def why_not_built():
    version = dkms_version()
    if not version:
        return "the driver is not installed; apt install pinned-mem-dkms"
    if not os.path.isdir(at(f"/lib/modules/{release()}/build")):
        return (
            f"not built for kernel {release()}: its headers are missing; "
            f"apt install linux-headers-{release()}, then dkms autoinstall"
        )
    if names(f"{DKMS}/{version}/{release()}"):
        return f"built, but not installed for kernel {release()}; dkms install {dkms_words()}"
    log = f"{DKMS}/{version}/build/make.log"
    error = first_error(read(log))
    if error:
        return f'the build for kernel {release()} failed: "{error:.200}"; see {log}'
    return f"not built for kernel {release()}; dkms install {dkms_words()} builds it, or prints why not"


# The module is built, but not loaded.


def blacklisted_by():
    """Returns what forbids loading: a file or the kernel's command line; None if nothing does."""
    words = (read("/proc/cmdline") or "").split()
    for word in words:
        name, _, value = word.partition("=")
        if name in ("modprobe.blacklist", "module_blacklist") and "pinned_mem" in value.split(","):
            return f"{word} on the kernel's command line"
    for folder in MODPROBE_FOLDERS:
        for name in names(folder):
            text = read(f"{folder}/{name}") or ""
            if re.search(r"^\s*(blacklist\s+pinned_mem\s*$|install\s+pinned_mem\s)", text, re.M):
                return f"{folder}/{name}"
    return None


def kernel_log():
    """Returns the log's lines; None if the caller may not read them."""
    lines = []
    try:
        fd = os.open(at("/dev/kmsg"), os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        while True:
            record = os.read(fd, 8192)
            if not record:
                break
            lines += record.decode(errors="replace").splitlines()
    except OSError:
        pass  # nothing is left, or the log was overwritten meanwhile
    finally:
        os.close(fd)
    return lines


def refusal(lines):
    """Returns the last refusal in the log, as text; None if there is none."""
    for line in reversed(lines or []):
        for pattern, text in REFUSALS:
            found = re.search(pattern, line)
            if found:
                return text.format(*found.groups(), rebuild=rebuild_words())
    return None


def takes_signed_modules_only():
    lockdown = read("/sys/kernel/security/lockdown") or ""
    return (
        content(at(SECURE_BOOT))[-1:] == b"\1"
        or read("/sys/module/module/parameters/sig_enforce") == "Y"
        or "[integrity]" in lockdown
        or "[confidentiality]" in lockdown
    )


def why_not_loaded(path):
    data, log = content(path), kernel_log()
    by, magic = blacklisted_by(), entry(data, b"vermagic")
    said = refusal(log)
    is_unsigned = data and not data.endswith(SIGNATURE)
    if by:
        return f"{by} forbids loading the module; remove it, then modprobe pinned_mem"
    if magic and magic.split()[0] != release():
        return f"the module is for kernel {magic.split()[0]}; {rebuild_words()}"
    if path[len(at(f"/lib/modules/{release()}/")) :] not in (
        line.partition(":")[0]
        for line in (read(f"/lib/modules/{release()}/modules.dep") or "").splitlines()
    ):
        return "modprobe does not know the module; depmod -a, then modprobe pinned_mem"
    if said:
        return said
    if takes_signed_modules_only():
        missing = f"the module is not signed: {rebuild_words()} signs it; " if is_unsigned else ""
        return f"not loaded, and this kernel takes signed modules only; {missing}{ENROL}"
    hint = "" if log is not None else "; if it refuses, sudo pinnedctl check says why"
    return f"not loaded; modprobe pinned_mem{hint}"


def check_loaded():
    path = find_module()
    loaded, installed = driver.version(), entry(content(path), b"version") if path else None
    yield ok("driver", f"loaded, version {loaded}")
    if installed and installed != loaded:
        yield note(
            "driver",
            f"version {installed} is installed, {loaded} is loaded; end the programs that use it, then "
            "modprobe -r pinned_mem && modprobe pinned_mem, or reboot",
        )


def check():
    if driver.is_loaded():
        yield from check_loaded()
        return
    if any(os.path.exists(at(mark)) for mark in CONTAINERS):
        yield fault("driver", "this is a container, and its host has no driver; install it there")
        return
    path = find_module()
    yield fault("driver", why_not_loaded(path) if path else why_not_built())
