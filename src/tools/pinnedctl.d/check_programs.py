# SPDX-License-Identifier: MIT
"""Packages, the library in every process, and the programs that it puts on pinned memory."""
import os
import re
import stat
import subprocess
import sys

import configuration
import preload
import preload_test
from finding import fault, note, ok
from system_files import ROOT, at, read
from trouble import Trouble

PACKAGES = (
    "pinned-mem-dkms",
    "libpinned1",
    "libpinned-dev",
    "libmalloc-pinned",
    "pinned-mem-tools",
)
ADMINDIR = "/var/lib/dpkg"


def packages():
    """Returns {name with architecture: (three letters of its state, version)}; empty without dpkg."""
    command = ["dpkg-query", f"--admindir={at(ADMINDIR)}", "-W"]
    command += ["-f", "${Package}:${Architecture} ${db:Status-Abbrev} ${Version}\\n", *PACKAGES]
    try:
        result = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError:
        return {}
    words = (line.split() for line in result.stdout.splitlines())
    return {line[0]: (line[1], line[2]) for line in words if len(line) == 3}


def check_packages():
    found = packages()
    # Neither a package that was removed except for its settings (rc) nor one that was never
    # installed (un) is broken.
    halves = sorted(
        name for name, (state, _) in found.items() if state not in ("ii", "hi", "rc", "un")
    )
    versions = {version for state, version in found.values() if state == "ii"}
    if halves:
        yield fault(
            "packages",
            f"half installed: {' '.join(halves)}; dpkg --configure -a, then apt --fix-broken install",
        )
    elif len(versions) > 1:
        yield fault(
            "packages",
            f"of different versions: {' '.join(sorted(versions))}; apt install --only-upgrade {' '.join(PACKAGES)}",
        )
    elif versions:
        yield ok("packages", f"version {versions.pop()}")


# The library in every process.


def elf_kind(path):
    """Returns word size, byte order and machine; None if the file is not a complete library."""
    try:
        with open(path, "rb") as file:
            head = file.read(64)
    except OSError:
        return None
    if len(head) < 64 or head[:4] != b"\x7fELF" or head[5] not in (1, 2):
        return None
    order = "little" if head[5] == 1 else "big"
    return head[4], head[5], int.from_bytes(head[18:20], order)


def library_of(entry):
    """Returns the path that the dynamic linker of the caller's architecture uses."""
    multiarch = getattr(sys.implementation, "_multiarch", "")
    path = re.sub(r"\$LIB\b|\$\{LIB\}", f"lib/{multiarch}", entry)
    return at(path)


def what_is_wrong_with(entry):
    """Returns the fault of an entry, as text; None if there is no fault."""
    path = library_of(entry)
    if not os.path.isfile(path):
        return f"there is no {path}, and every program says so; pinnedctl preload off, or install libmalloc-pinned"
    if not stat.S_IMODE(os.stat(path).st_mode) & 0o004:
        return f"not every user may read {path}; chmod 644 {path}"
    kind = elf_kind(path)
    if not kind:
        return f"{path} is not a library, or is truncated; pinnedctl preload off, and install libmalloc-pinned again"
    if kind != elf_kind(os.path.realpath("/proc/self/exe")):
        return f"{path} is for another architecture; pinnedctl preload on names the right one"
    try:
        preload.must_be_trusted(os.path.realpath(path), os.path.realpath(at("/")))
    except Trouble as trouble:
        return f"{trouble}; chown root, and chmod go-w"
    return None


def check_entries(text):
    found = preload.entries(text)
    for entry in found:
        wrong = what_is_wrong_with(entry)
        if wrong:
            yield fault("preload", f"{preload.PATH}: {wrong}")
            return
    if len(found) > 1:
        yield note(
            "preload",
            f"{preload.PATH} contains {len(found)} entries of the library; pinnedctl preload on keeps one",
        )
    first = preload.WORD.findall(preload.LINE.match(text)[1])[:1]
    if first and not preload.is_ours(first[0]):
        yield note(
            "preload",
            f"{preload.PATH}: {first[0]} comes first; if it has a malloc, that one is used",
        )
    yield ok("preload", f"in every process: {found[0]}")


def check_off(is_named):
    """Checks why the library might be in no process although the file names it."""
    words = (read("/proc/cmdline") or "").split()
    if "malloc_pinned=off" in words:
        yield note(
            "boot",
            "malloc_pinned=off on the kernel's command line: the library is in no process in this boot",
        )
    if os.path.exists(at(configuration.OFF_PATH)):
        yield note(
            "boot",
            f"{configuration.OFF_PATH} exists: the configuration file is not used; rm it, and reboot",
        )
    elif is_named and not ROOT and preload.is_masked():
        yield note(
            "boot", "the library is disabled in this boot, and enabled again in the next one"
        )


def check_preload(folder):
    library = os.path.join(folder, preload.NAME)
    if not os.path.isfile(library):
        yield fault("library", f"there is no {library}; apt install libmalloc-pinned")
    else:
        yield ok("library", library)
    try:
        text = preload.read(at(preload.PATH))
    except Trouble as trouble:
        yield fault(
            "preload",
            f"{trouble}, so the dynamic linker loads nothing from it; chmod 644 {preload.PATH}, or remove it",
        )
        return
    is_named = bool(preload.entries(text))
    if not is_named:
        yield ok("preload", "off: programs use pinned memory by pinned-run")
    elif not os.stat(at(preload.PATH)).st_mode & 0o004:
        yield fault("preload", f"only some users may read {preload.PATH}; chmod 644 {preload.PATH}")
    else:
        yield from check_entries(text)
    said = preload_test.message_of_every_program() if is_named and not ROOT else None
    if said:
        yield fault("preload", f"every program says: {said}; pinnedctl preload off")
    yield from check_off(is_named)


# The configuration.


def check_sections(reader):
    errors = sections = 0
    for word, line, text in configuration.findings(reader):
        if word == "error":
            errors += 1
            yield fault(
                "configuration",
                f"{configuration.PATH}:{line}: {text}; ignored; correct it, then pinnedctl config check",
            )
        else:
            sections += word == "section"
            if text:
                yield note("configuration", f"{configuration.PATH}:{line}: {text}")
    if not errors:
        yield ok("configuration", f"{configuration.PATH}: {sections} sections, no errors")
    try:
        is_loaded = bool(preload.entries(preload.read(at(preload.PATH))))
    except Trouble:
        return
    if sections and not is_loaded:
        yield note(
            "configuration",
            "there are sections, but the library is in no process; pinnedctl preload on",
        )


def check_configuration(reader):
    path = at(configuration.PATH)
    if not os.path.exists(path):
        yield ok(
            "configuration",
            f"no {configuration.PATH}: programs use pinned memory only by pinned-run",
        )
        return
    status = os.stat(path)
    if not stat.S_ISREG(status.st_mode):
        yield fault(
            "configuration", f"{configuration.PATH} is not a file, and is not read; remove it"
        )
        return
    if not status.st_mode & 0o004:
        yield fault(
            "configuration",
            f"not every user may read {configuration.PATH}, so it applies to some programs only; chmod 644 {configuration.PATH}",
        )
    if status.st_uid != 0 or status.st_mode & 0o022:
        yield fault(
            "configuration",
            f"{configuration.PATH} can be changed by others than root; chown root, and chmod go-w",
        )
    if os.access(path, os.R_OK, effective_ids=True):
        try:
            yield from check_sections(reader)
        except Trouble as trouble:
            yield fault("configuration", f"{trouble}; install pinned-mem-tools again")
