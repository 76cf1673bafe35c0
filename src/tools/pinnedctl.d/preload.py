# SPDX-License-Identifier: MIT
"""
/etc/ld.so.preload: what the dynamic linker loads into every process of the system.

After a mistake here, no program starts any more. The file is therefore only replaced atomically, by
rename(), and the library is tried before and after the file names it.
"""
import contextlib
import ctypes
import fcntl
import os
import re
import stat
import sys
import tempfile

import preload_test
from trouble import Trouble

PATH = "/etc/ld.so.preload"
NAME = "libmalloc-pinned.so"
# The syntax of ld.so(8): blanks and colons separate words, and # begins a comment.
LINE = re.compile(r"([^#\n]*)(#[^\n]*)?(\n?)")
WORD = re.compile(r"[^ \t\n:]+")


def is_ours(word):
    return os.path.basename(word) == NAME


def read(path=PATH):
    """Returns the file's text; None if there is no file."""
    try:
        with open(path, encoding="utf-8", errors="surrogateescape", newline="") as file:
            return file.read()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise Trouble(f"{path} cannot be read: {error.strerror}") from None


def entries(text):
    words = (word for line in LINE.finditer(text or "") for word in WORD.findall(line[1]))
    return [word for word in words if is_ours(word)]


def without_entries(text):
    """Removes the library's entries, and lines that contained nothing else."""
    lines = []
    for words, comment, end in LINE.findall(text or ""):
        kept = WORD.sub(lambda word: "" if is_ours(word[0]) else word[0], words)
        if kept == words or WORD.search(kept) or comment:
            lines.append(kept + comment + end)
    return "".join(lines)


def with_entry(text, entry):
    rest = without_entries(text)
    return rest + ("\n" if rest and not rest.endswith("\n") else "") + entry + "\n"


def replace(text):
    """Replaces the file atomically, keeping owner and mode. Without text, the file is removed."""
    path = os.path.realpath(PATH)
    folder = os.path.dirname(path)
    try:
        old = os.stat(path)
        mode, user, group = stat.S_IMODE(old.st_mode), old.st_uid, old.st_gid
    except FileNotFoundError:
        mode, user, group = 0o644, 0, 0
    if text:
        fd, new = tempfile.mkstemp(prefix=".ld.so.preload.", dir=folder)
        try:
            with open(fd, "w", encoding="utf-8", errors="surrogateescape", newline="") as file:
                file.write(text)
                file.flush()
                os.fchown(fd, user, group)
                os.fchmod(fd, mode)
                os.fsync(fd)
            os.rename(new, path)
        except BaseException:
            os.unlink(new)
            raise
    else:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    os.fsync(fd)
    os.close(fd)


@contextlib.contextmanager
def changing():
    """Makes changes exclusive, and refuses them to anybody but root."""
    if os.geteuid() != 0:
        raise Trouble(f"only root can change {PATH}; use sudo")
    fd = os.open(os.path.dirname(PATH), os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    except OSError as error:
        raise Trouble(f"{PATH}: {error.strerror}; it stays as it was") from None
    finally:
        os.close(fd)


def is_masked():
    """Returns whether a copy is mounted over the file in this boot; without /proc this is unknown."""
    try:
        with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as file:
            return any(line.split()[4] == os.path.realpath(PATH) for line in file)
    except FileNotFoundError:
        return False


def must_be_trusted(path, top="/"):
    """
    Programs with raised privileges load the library, so only root may be able to replace it. The
    function examines directories up to @top.
    """
    while True:
        status = os.stat(path)
        if status.st_uid != 0 or status.st_mode & 0o022:
            raise Trouble(f"{path} can be changed by others than root; every process would load it")
        if path in (top, "/"):
            return
        path = os.path.dirname(path)


def find_library(folder, given):
    path = os.path.realpath(os.path.join(folder, NAME) if given is None else given)
    if not os.path.isfile(path):
        raise Trouble(f"there is no library {path}")
    if os.path.basename(path) != NAME or re.search(r"[\s:#$]", path):
        raise Trouble(f"{path}: use a path without blanks that ends in {NAME}")
    return path


def entry_for(path):
    """Returns the entry, with $LIB if the system has a directory for each architecture."""
    multiarch = getattr(sys.implementation, "_multiarch", "")
    entry = path.replace(f"/lib/{multiarch}/", "/$LIB/", 1) if multiarch else path
    return entry if entry != path and preload_test.is_mapped(path, entry) else path


def test(path):
    """Runs the self-test, and yields a line for each program."""
    yield from preload_test.compare(preload_test.references(), path, path)


def on(path):
    with changing():
        if is_masked():
            raise Trouble("disabled in this boot (malloc_pinned=off, or malloc-pinned.disabled)")
        must_be_trusted(path)
        entry, before = entry_for(path), read()
        results = preload_test.references()
        yield from preload_test.compare(results, path, entry)
        replace(with_entry(before, entry))
        try:
            for _ in preload_test.compare(results, path):
                pass
        except BaseException as error:
            replace(without_entries(before))
            if isinstance(error, Trouble):
                raise Trouble(f"{error}; removed from {PATH} again") from None
            raise
        yield f"on: {entry} in {PATH}"


def uncover():
    """
    Removes the mount over the file, for this process alone; the kernel does it for all others when the file is
    replaced. No program may be started before that, since the library may keep every program from starting.
    """
    new_mounts, recursive, private = 0x20000, 0x4000, 1 << 18  # CLONE_NEWNS, MS_REC, MS_PRIVATE
    libc = ctypes.CDLL(None, use_errno=True)
    if (
        libc.unshare(new_mounts)
        or libc.mount(None, b"/", None, ctypes.c_ulong(recursive | private), None)
        or libc.umount2(os.fsencode(os.path.realpath(PATH)), 0)
    ):
        error = os.strerror(ctypes.get_errno())
        raise Trouble(f"{PATH} cannot be changed in this boot: {error}")


def off():
    """Removes the entry, in a boot with a mount over the file as well."""
    if is_masked() and os.geteuid() == 0:
        uncover()
    with changing():
        text = read()
        if entries(text):
            replace(without_entries(text))
    yield "off"


def status():
    found = entries(read())
    if is_masked():
        yield "disabled in this boot"
        return
    yield "on" if found else "off"
    for entry in found:
        yield f"entry  {entry}"
    said = preload_test.message_of_every_program() if found else None
    if said:
        raise Trouble(f"every program says: {said}")
