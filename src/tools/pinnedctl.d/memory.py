# SPDX-License-Identifier: MIT
"""Another process's memory, and the table in it that locates the library's state.

The library does nothing for it: this tool reads /proc/PID/mem as a debugger does. A note in the ELF file
of libpinned, libmalloc-pinned or of a program that contains libpinned leads to a table of
names, addresses, offsets and sizes (src/lib/os/watch.h), so no layout is known here.
"""
import contextlib
import functools
import os
import pwd
import re
import struct
import sys

from trouble import Trouble

NOTE_OWNER = b"pinned-mem\0"
NOTE_TYPE = 1
ENTRY_SIZE = 64
NUMBER_SIZE_MAX = 8
SCHEMA = 1
PT_LOAD, PT_NOTE = 1, 4
# No structure of the library is larger than this; a larger size means an unknown layout.
READ_MAX = 1 << 28


class OtherVersion(Trouble):
    """The process has a library of another version than this tool understands."""


class NotPermitted(Trouble):
    """The process belongs to somebody else."""


class Layout:
    """The table: addresses of variables, (offset, size) of members, constants.

    The table describes the process's library, which may be older or newer than this tool.
    """

    def __init__(self, table, word):
        form = f"{ENTRY_SIZE - 2 * word}s{'QQ' if word == 8 else 'II'}"
        self.word = word
        self.library = "the library"
        self.entries = {}
        for name, value, size in struct.iter_unpack("=" + form, table):
            self.entries[name.split(b"\0")[0].decode("ascii", "replace")] = (value, size)

    def entry(self, name):
        try:
            return self.entries[name]
        except KeyError:
            raise OtherVersion(
                f"{self.library} does not tell {name}; use the pinnedctl of that version"
            ) from None

    def constant(self, name):
        return self.entry(name)[0]

    variable = member = entry


class Process:
    """A process that uses the library. Raises Trouble if it does not, or cannot be read."""

    def __init__(self, pid):
        self.pid = pid
        self.mem = -1
        try:
            self.mem = os.open(f"/proc/{pid}/mem", os.O_RDONLY | os.O_CLOEXEC)
            self.maps = read_maps(pid)
            self.layout = self.find_layout()
        except Trouble:
            self.close()
            raise
        except OSError as error:
            self.close()
            raise why_not(pid, error) from None

    def close(self):
        if self.mem >= 0:
            os.close(self.mem)
            self.mem = -1

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def read(self, address, size):
        try:
            data = os.pread(self.mem, size, address) if size <= READ_MAX else b""
        except (OSError, OverflowError):
            data = b""
        if len(data) != size:
            raise Trouble(f"process {self.pid} has ended, or its memory has another layout")
        return data

    # Finding the table.

    def find_layout(self):
        for start, name in likely_modules(self.maps, self.pid):
            try:
                layout = self.layout_in_module(start)
            except (Trouble, struct.error, ValueError, OverflowError):
                continue
            if not layout:
                continue
            layout.library = f"process {self.pid}: {name}, version {self.version_in(layout)},"
            schema = layout.entries.get("schema", (0, 0))[0]
            if schema != SCHEMA:
                raise OtherVersion(
                    f"{layout.library} has schema {schema}, and this pinnedctl understands "
                    f"schema {SCHEMA}; use the pinnedctl of that version"
                )
            if not 12 <= layout.constant("page_shift") < layout.constant("chunk_shift") < 40:
                raise OtherVersion(
                    f"{layout.library} has chunks of an unknown size; "
                    "use the pinnedctl of that version"
                )
            return layout
        raise Trouble(f"process {self.pid} does not use libpinned; start it by pinned-run")

    def version_in(self, layout):
        """Returns the library's version; the first versions do not contain it."""
        try:
            return self.text(layout.entries["version"][0], 32) or "unknown"
        except (KeyError, Trouble):
            return "unknown"

    def layout_in_module(self, start):
        """Returns the table of the ELF file that is mapped at @start; None if there is no table."""
        head = self.read(start, 64)
        if head[:4] != b"\x7fELF":
            return None
        word = 8 if head[4] == 2 else 4
        if word == 8:
            (at,) = struct.unpack_from("=Q", head, 32)
            each, count = struct.unpack_from("=HH", head, 54)
        else:
            (at,) = struct.unpack_from("=I", head, 28)
            each, count = struct.unpack_from("=HH", head, 42)
        segments = [self.segment(start + at + i * each, word) for i in range(count)]
        bias = start - min(address & -4096 for kind, address, _ in segments if kind == PT_LOAD)
        for kind, address, size in segments:
            if kind == PT_NOTE:
                layout = self.layout_by_notes(bias + address, size, word)
                if layout:
                    return layout
        return None

    def segment(self, at, word):
        """Returns (type, virtual address, bytes in memory) of a program header."""
        if word == 8:
            fields = struct.unpack("=IIQQQQQQ", self.read(at, 56))
            return fields[0], fields[3], fields[6]
        fields = struct.unpack("=8I", self.read(at, 32))
        return fields[0], fields[2], fields[5]

    def layout_by_notes(self, address, size, word):
        notes = self.read(address, size)
        at = 0
        while at + 12 <= size:
            name_size, value_size, kind = struct.unpack_from("=III", notes, at)
            value = at + 12 + (name_size + 3 & ~3)
            if notes[at + 12 : at + 12 + name_size] == NOTE_OWNER and kind == NOTE_TYPE:
                first, last = struct.unpack_from("=ii", notes, value)
                begin, end = address + value + first, address + value + 4 + last
                return Layout(self.read(begin, end - begin), word)
            at = value + (value_size + 3 & ~3)
        return None

    # Reading by name.

    def address(self, variable):
        return self.layout.variable(variable)[0]

    def variable(self, name):
        """Reads a variable that is a number or a pointer."""
        address, size = self.layout.variable(name)
        return int.from_bytes(self.read(address, size), sys.byteorder)

    def member(self, address, name):
        """Reads a structure's member that is a number or a pointer."""
        offset, size = self.size_of_number(name)
        return int.from_bytes(self.read(address + offset, size), sys.byteorder)

    def member_address(self, address, name):
        return address + self.layout.member(name)[0]

    def field(self, data, at, name):
        """The same for a structure that was read already, at this offset of @data."""
        offset, size = self.size_of_number(name)
        return int.from_bytes(data[at + offset : at + offset + size], sys.byteorder)

    def size_of_number(self, name):
        """Returns (offset, size) of a member that is a number; Trouble if none is so large."""
        offset, size = self.layout.member(name)
        if size > NUMBER_SIZE_MAX:
            raise Trouble(f"process {self.pid} has ended, or its memory has another layout")
        return offset, size

    def pointers(self, address, count):
        code = "Q" if self.layout.word == 8 else "I"
        return struct.unpack(f"={count}{code}", self.read(address, count * self.layout.word))

    def text(self, address, size=64):
        """Reads a string of at most this length, which does not cross the end of a mapping."""
        data = b""
        while len(data) < size and b"\0" not in data:
            data += self.read(address + len(data), 1)
        text = data.split(b"\0")[0].decode("ascii", "replace")
        return "".join(char if char.isprintable() else "?" for char in text)

    def words(self, variable):
        """Returns the lines of a variable that contains text."""
        address, size = self.layout.variable(variable)
        return self.read(address, size).split(b"\0")[0].decode("ascii", "replace").splitlines()

    @functools.cached_property
    def figures(self):
        return self.words("figures")

    @property
    def version(self):
        return self.version_in(self.layout)

    @property
    def user(self):
        return read_user(self.pid)

    @property
    def program(self):
        return read_program(self.pid)


@contextlib.contextmanager
def watched(pid):
    """Reads a process's memory. Errors that an unknown layout causes become Trouble."""
    with Process(pid) as process:
        try:
            yield process
        except (
            LookupError,
            ValueError,
            TypeError,
            ArithmeticError,
            MemoryError,
            struct.error,
        ) as error:
            raise OtherVersion(
                f"{process.layout.library} is not understood ({type(error).__name__}: {error}); "
                "use the pinnedctl of that version"
            ) from None


def why_not(pid, error):
    if isinstance(error, PermissionError):
        return NotPermitted(
            f"process {pid} cannot be read; run as its user (with kernel.yama.ptrace_scope=0), "
            "or as root"
        )
    if isinstance(error, (FileNotFoundError, ProcessLookupError)):
        return Trouble(f"there is no process {pid}")
    return Trouble(f"process {pid}: {error.strerror}")


def parse_mapping(line):
    """Returns (start, end, offset, path) of a line of /proc/PID/maps; None without a path."""
    match = re.match(r"([0-9a-f]+)-([0-9a-f]+) \S+ ([0-9a-f]+) \S+ \S+ +([^\n]+)", line)
    if not match:
        return None
    start, end, offset, path = match.groups()
    return int(start, 16), int(end, 16), int(offset, 16), path


def read_maps(pid):
    """Returns the results of parse_mapping() for all mappings with a path."""
    with open(f"/proc/{pid}/maps", encoding="utf-8", errors="replace") as file:
        return [mapping for mapping in map(parse_mapping, file) if mapping]


def is_library(path):
    name = os.path.basename(path.removesuffix(" (deleted)"))
    return name.startswith(("libmalloc-pinned.so", "libpinned.so"))


def likely_modules(maps, pid):
    """Yields first bytes of ELF files that may contain the note: libraries, then the program."""
    begins = [(start, path) for start, _, offset, path in maps if not offset and path[0] == "/"]
    found = [begin for begin in begins if is_library(begin[1])]
    try:
        program = os.readlink(f"/proc/{pid}/exe")
    except OSError:
        return found
    return found + [begin for begin in begins if begin[1] == program]


def read_program(pid):
    try:
        with open(f"/proc/{pid}/comm", encoding="utf-8", errors="replace") as file:
            name = file.read().rstrip("\n")
    except OSError:
        return ""
    return "".join(c if " " <= c <= "~" else "?" for c in name)


def read_user(pid):
    """Returns the name of a process's user, or the number if there is no name."""
    try:
        number = os.stat(f"/proc/{pid}").st_uid
    except OSError:
        return ""
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


def find_pids():
    """Returns the processes that have the library loaded, or the device mapped, and are readable."""
    pids = []
    for name in os.listdir("/proc"):
        if not name.isdigit() or int(name) == os.getpid():
            continue
        try:
            maps = read_maps(int(name))
        except (OSError, UnicodeError):
            continue
        if any(is_library(path) or path.startswith("/dev/pinned_mem") for *_, path in maps):
            pids.append(int(name))
    return sorted(pids)
