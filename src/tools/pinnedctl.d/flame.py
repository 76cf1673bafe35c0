# SPDX-License-Identifier: MIT
"""A heap profile, of a process or a file, as folded stacks, from which flame graphs are drawn.

A line contains the call stack, outermost first, and the live bytes that its samples represent.
binutils' addr2line finds the names; without a name, the line contains a module and an offset.
"""
import math
import os
import re
import shutil
import struct
import subprocess

import memory
from trouble import Trouble

PT_LOAD = 1
DEPTH_MAX = 1000
STACKS_MAX = 10000000


class Profile:
    """stacks: (live objects, live bytes, return addresses, innermost first)."""

    def __init__(self, mean, stacks, maps):
        self.mean = mean
        self.stacks = stacks
        self.maps = maps

    def estimate(self, objects, size):
        """Returns the bytes that @count samples of this size represent."""
        if not objects:
            return 0
        return round(size / -math.expm1(-size / objects / self.mean))


def stacks_of_process(process):
    layout = process.layout
    count = layout.constant("stack_lists")
    head = layout.constant("sizeof_pn_stack")
    for stack in process.pointers(process.variable("stacks"), count):
        for _ in range(STACKS_MAX):
            if not stack:
                break
            data = process.read(stack, head)
            depth = min(process.field(data, 0, "pn_stack.depth"), DEPTH_MAX)
            yield (
                process.field(data, 0, "pn_stack.live_objects"),
                process.field(data, 0, "pn_stack.live_bytes"),
                process.pointers(stack + head, depth),
            )
            stack = process.field(data, 0, "pn_stack.next")


def profile_of_process(process):
    mean = process.variable("profile_bytes")
    if not mean:
        raise Trouble(
            f"process {process.pid} records no profile; start it with profile:512K in its "
            "configuration (pinned(7))"
        )
    return Profile(mean, list(stacks_of_process(process)), process.maps)


def profile_of_file(path):
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            lines = file.read().split("\n")
    except OSError as error:
        raise Trouble(f"{path}: {error.strerror}") from None
    first = re.fullmatch(r"heap profile: .* @ heap_v2/(\d+)", lines[0])
    if not first:
        raise Trouble(f"{path} is no heap profile; pinned_profile_dump(3) writes them")
    stacks, maps = [], []
    for line in lines[1:]:
        stack = re.fullmatch(r"(\d+): (\d+) \[\d+: \d+\] @((?: 0x[0-9a-f]+)*)", line)
        mapping = memory.parse_mapping(line)
        if stack:
            addresses = [int(word, 16) for word in stack[3].split()]
            stacks.append((int(stack[1]), int(stack[2]), addresses))
        elif mapping:
            maps.append(mapping)
    return Profile(int(first[1]), stacks, maps)


# Names.


def load_segments(path):
    """Yields (offset, bytes in the file, virtual address) of an ELF file's mapped segments."""
    with open(path, "rb") as file:
        head = file.read(64)
        if head[:4] != b"\x7fELF":
            return
        if head[4] == 2:
            (at,) = struct.unpack_from("=Q", head, 32)
            each, count = struct.unpack_from("=HH", head, 54)
            form = "=I4xQQ8xQ"
        else:
            (at,) = struct.unpack_from("=I", head, 28)
            each, count = struct.unpack_from("=HH", head, 42)
            form = "=IIIxxxxI"
        for i in range(count):
            file.seek(at + i * each)
            kind, offset, address, size = struct.unpack(form, file.read(struct.calcsize(form)))
            if kind == PT_LOAD:
                yield offset, size, address


def virtual_address(segments, offset):
    for begin, size, address in segments:
        if begin <= offset < begin + size:
            return offset - begin + address
    return None


def names_in(path, offsets):
    """Returns {offset in the file: [names, outermost first]}, including inlined functions."""
    tool = shutil.which("addr2line")
    try:
        segments = list(load_segments(path))
    except (OSError, struct.error):
        return {}
    places = {virtual_address(segments, offset): offset for offset in offsets}
    places.pop(None, None)
    if not tool or not places:
        return {}
    answer = subprocess.run(
        [tool, "-a", "-f", "-i", "-C", "-e", path],
        input="".join(f"{place:#x}\n" for place in places),
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    ).stdout
    names, lines = {}, []
    # For each address, addr2line prints the address, and then pairs of lines: a function, and its
    # place in the source.
    for line in answer.splitlines():
        if re.fullmatch(r"0x[0-9a-f]+", line):
            lines = names.setdefault(places.get(int(line, 16)), [])
        else:
            lines.append(line)
    found = {offset: pairs[::2][::-1] for offset, pairs in names.items()}
    return {offset: pairs for offset, pairs in found.items() if pairs and pairs[0] != "??"}


def place_of(maps, address):
    """Returns the file of an address, and the offset. A call precedes its return address."""
    for start, end, offset, path in maps:
        if start <= address - 1 < end:
            return path, address - 1 - start + offset
    return "?", address - 1


def names_of(profile):
    """Returns {address: [names, outermost first]}."""
    addresses = {address for *_, stack in profile.stacks for address in stack}
    places = {address: place_of(profile.maps, address) for address in addresses}
    offsets = {}
    for path, offset in places.values():
        offsets.setdefault(path, set()).add(offset)
    found = {path: names_in(path, there) for path, there in offsets.items() if path[0] == "/"}
    return {
        address: found.get(path, {}).get(offset) or [f"{os.path.basename(path)}+{offset:#x}"]
        for address, (path, offset) in places.items()
    }


def folded(profile):
    """Returns the lines in descending order of bytes."""
    names = names_of(profile)
    sums = {}
    for objects, size, stack in profile.stacks:
        frames = [name for address in reversed(stack) for name in names[address]]
        line = ";".join(frame.replace(";", ":") for frame in frames) or "(unknown)"
        sums[line] = sums.get(line, 0) + profile.estimate(objects, size)
    for line, total in sorted(sums.items(), key=lambda item: -item[1]):
        if total:
            yield f"{line} {total}"
