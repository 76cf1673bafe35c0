#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Protects the direction of dependencies in src/.

Rules, each of which `FILE:LINE: RULE: ...` names when it is broken:
  place    every C file is in a room of the library, or in the table of the driver or of the shim
  include  a header that is included exists, and is one that the including file may see
  upward   a file of the library includes and uses only its own room and the rooms below; a file of
           the driver or the shim uses only files in lower lines of its table
  circle   no two files use each other, directly or through others, and no headers include each other

A file with its header is one unit. A unit uses another if it calls one of its functions or names one
of its variables: in C files of the library and the shim as the compiler's objects say, which `make`
has built, in their assertions, in all headers (whose inline functions count) and in the driver as
the text says; the text also counts where there is no object. A header that is included for a type alone is no use.
"""
import glob
import os
import re
import subprocess
import sys
from collections import defaultdict

ROOMS = "api figures front object chunk backend profile arena config os".split()

# The layers from the top down. A file may use only files of lower lines.
KERNEL = """
main
dev debugfs
ioctl sysfs
export kapi
pin_begin
pin
map range
pool
snapshot
view
need
chunk
quarantine sources copy
source_reserve source_buddy source_cma source_carveout
record
source quota stat trace memtype page name reserve carveout
limits
watch
base
compat abi_check
"""
SHIM = """
malloc confine deepbind advice
init
served
report flavour introspect
route next
elf family
"""

# Headers outside of these folders that a file may include.
PUBLIC = {
    "src/lib": {"pinned.h", "pinned_mem.h"},
    "src/shim": {"pinned.h"},
    "src/kernel": {"uapi/pinned_mem.h", "pinned_mem_kernel.h"},
}
failures = 0


def complain(where, rule, text):
    global failures
    failures += 1
    print(f"{where}: {rule}: {text}")


def files_of(folder):
    listed = subprocess.run(["git", "ls-files", "-c", "-o", "--exclude-standard", folder], capture_output=True, text=True, check=True)
    return [path for path in listed.stdout.split() if path.endswith((".c", ".h")) and os.path.exists(path)]


def unit(path):
    return path[:-2]


def without_comments(text):
    """Comments and strings are blank, and lines stay where they are."""
    def blank(found):
        return re.sub(r"[^\n]", " ", found[0])
    return re.sub(r"/\*.*?\*/|//[^\n]*|\"(?:[^\"\\\n]|\\.)*\"", lambda f: blank(f) if f[0][0] == "/" else '""', text, flags=re.S)


class Tree:
    """The files of a folder: what they include, and what they use."""

    def __init__(self, folder, below=()):
        self.folder = folder
        self.files = sorted(files_of(folder))
        self.known = set(self.files)
        for other in below:
            self.known |= set(other.files)
        self.code = {path: without_comments(open(path).read()) for path in self.files}
        self.inline = set()
        self.defined = self.definitions()
        for other in below:
            for name, owner in other.defined.items():
                self.defined.setdefault(name, owner)
            self.inline |= other.inline
        self.includes = defaultdict(dict)  # unit -> included path -> where
        self.uses = defaultdict(dict)      # unit -> unit -> where, name
        for path in self.files:
            self.read_includes(path)
            self.read_uses(path)

    def definitions(self):
        """Functions and variables that other files see, and inline functions of headers."""
        tags = subprocess.run(["ctags-universal", "-x", "--language-force=C", "--kinds-C=fv", "--extras=-F", "--fields=+f",
                               "--_xformat=%F %N %f", *self.files], capture_output=True, text=True, check=True)
        found = {}
        for line in tags.stdout.splitlines():
            path, name, scope = line.split(" ")[:3]
            if path.endswith(".h"):
                self.inline.add(name)
            if path.endswith(".h") or scope != "file":
                found.setdefault(name, unit(path))
        return found

    def resolve(self, path, name):
        for base in (os.path.dirname(path), self.folder, "src/lib"):
            candidate = os.path.normpath(os.path.join(base, name))
            if candidate in self.known:
                return candidate
        return None

    def read_includes(self, path):
        for number, line in enumerate(open(path), 1):
            found = re.match(r'\s*#\s*include\s+"([^"]+)"', line)
            if not found or found[1] in PUBLIC[self.folder]:
                continue
            target = self.resolve(path, found[1])
            if not target:
                complain(f"{path}:{number}", "include", f'"{found[1]}" is no header that {self.folder} may include')
            elif target != unit(path) + ".h":
                self.includes[path].setdefault(target, f"{path}:{number}")

    def names_in_object(self, path):
        """What the object of a C file refers to, or None where there is no object."""
        if self.folder == "src/kernel" or path.endswith(".h"):
            return None
        listed = subprocess.run(["nm", "-u", f"build/obj/{unit(path)[4:]}.o"], capture_output=True, text=True)
        if listed.returncode:
            return None
        return {line.split()[-1] for line in listed.stdout.splitlines()}

    def read_uses(self, path):
        referred = self.names_in_object(path)
        for number, line in enumerate(self.code[path].split("\n"), 1):
            if re.match(r"\s*#\s*include|extern\b", line) or (path.endswith(".h") and re.match(r"[A-Za-z_].*\)[^{]*;\s*$", line)):
                continue
            is_assertion = "assert" in line
            line = re.sub(r"\b(struct|enum|union)\s+\w+|(\.|->)\s*\w+", " ", line)
            for name in re.findall(r"\b[A-Za-z_]\w*", line):
                owner = self.defined.get(name)
                if not owner or owner == unit(path):
                    continue
                if referred is None or name in referred or is_assertion or name in self.inline:
                    self.uses[unit(path)].setdefault(owner, (f"{path}:{number}", name))


def circles(graph):
    """Strongly connected components of more than one node, by Tarjan."""
    index, low, stack, found = {}, {}, [], []

    def visit(node):
        index[node] = low[node] = len(index)
        stack.append(node)
        for other in graph.get(node, ()):
            if other not in index:
                visit(other)
                low[node] = min(low[node], low[other])
            elif other in stack:
                low[node] = min(low[node], index[other])
        if low[node] == index[node]:
            members = stack[stack.index(node):]
            del stack[stack.index(node):]
            if len(members) > 1:
                found.append(sorted(members))

    for node in sorted(graph):
        if node not in index:
            visit(node)
    return found


def shortest_circle(graph, members):
    """Edges of a shortest circle inside of a component."""
    best = None
    for start in members:
        paths, seen = [[start]], {start}
        while paths:
            path = paths.pop(0)
            if best and len(path) >= len(best):
                break
            for other in graph[path[-1]]:
                if other == start:
                    best = path + [start]
                    paths = []
                    break
                if other in members and other not in seen:
                    seen.add(other)
                    paths.append(path + [other])
    return list(zip(best, best[1:]))


def check_circles(tree, what, graph, where):
    left = {node: set(others) for node, others in graph.items()}
    while found := circles(left):
        edges = shortest_circle(left, found[0])
        left[edges[0][0]].discard(edges[0][1])
        steps = ", ".join(f"{os.path.relpath(a, tree.folder)} {where(a, b)[1]} ({where(a, b)[0]})" for a, b in edges)
        complain(where(*edges[0])[0], "circle", f"{what} in a circle: {steps}")


def check_graphs(tree):
    check_circles(tree, "files use each other", tree.uses,
                  lambda a, b: (tree.uses[a][b][0], f"uses {tree.uses[a][b][1]} of {os.path.relpath(b, tree.folder)}"))
    headers = {a: {b: where for b, where in targets.items() if b.endswith(".h")}
               for a, targets in tree.includes.items() if a.endswith(".h")}
    check_circles(tree, "headers include each other", headers, lambda a, b: (headers[a][b], f"includes {os.path.relpath(b, tree.folder)}"))


def room_of(path):
    parts = path.split("/")
    return parts[2] if len(parts) == 4 and parts[:2] == ["src", "lib"] else None


def check_rooms(tree):
    for path in tree.files:
        if room_of(path) not in ROOMS:
            complain(f"{path}:1", "place", f"not in a room of the library; the rooms are {' '.join(ROOMS)}")
    level = {room: number for number, room in enumerate(ROOMS)}

    def check(source, target, where, text):
        a, b = level.get(room_of(source)), level.get(room_of(target))
        if a is not None and b is not None and a > b:
            complain(where, "upward", f"{text}, and the room {room_of(target)} is above {room_of(source)}")

    for path, targets in tree.includes.items():
        for target, where in targets.items():
            check(path, target, where, f"includes {target[8:]}")
    for source, targets in tree.uses.items():
        for target, (where, name) in targets.items():
            check(source + ".c", target + ".c", where, f"uses {name} of {target[8:]}")


def check_table(tree, table):
    level = {name: number for number, line in enumerate(table.split("\n")) for name in line.split()}
    here = {unit(path) for path in tree.files}
    for path in tree.files:
        if os.path.basename(unit(path)) not in level:
            complain(f"{path}:1", "place", f"not in the table of {tree.folder} in test/lint/layers.py")
    for name in level:
        if f"{tree.folder}/{name}" not in here:
            complain("test/lint/layers.py:1", "place", f"the table of {tree.folder} lists {name}, which does not exist")
    for source, targets in tree.uses.items():
        for target, (where, name) in targets.items():
            a, b = level.get(os.path.basename(source)), level.get(os.path.basename(target))
            if target in here and a is not None and b is not None and a >= b:
                complain(where, "upward", f"uses {name} of {os.path.basename(target)}, which is not in a lower line of the table")


def check_outside():
    """Examples include installed headers only; other folders none of the library's or the driver's."""
    for folder, forbidden, text in (
            ("examples", rf"(?:{'|'.join(ROOMS)})/|src/", "examples include installed headers only"),
            ("src/lib", r".*(?:kernel|shim)/", "src/lib reaches into another layer"),
            ("src/kernel", r"pinned\.h", "src/kernel includes the library's header")):
        for path in files_of(folder):
            for number, line in enumerate(open(path), 1):
                if re.match(rf'#include "(?:{forbidden})', line):
                    complain(f"{path}:{number}", "include", text)


def print_counts(library):
    arrows = {(room_of(a), room_of(b)) for a, targets in library.includes.items() for b in targets if room_of(a) != room_of(b)}
    print(f"{len({room_of(path) for path in library.files})} rooms, {len({unit(path) for path in library.files})} units, {len(arrows)} arrows between rooms")


def main():
    os.chdir(os.path.join(os.path.dirname(__file__), "../.."))
    library = Tree("src/lib")
    kernel = Tree("src/kernel")
    shim = Tree("src/shim", [library])
    for tree, least in ((library, 90), (kernel, 40), (shim, 8)):
        if len(tree.files) < least or len(tree.uses) < least / 4:
            complain(f"{tree.folder}:1", "place", f"only {len(tree.files)} files and {len(tree.uses)} users found")
    check_rooms(library)
    check_table(kernel, KERNEL)
    check_table(shim, SHIM)
    for tree in (library, kernel, shim):
        check_graphs(tree)
    check_outside()
    if "--counts" in sys.argv:
        print_counts(library)
    return failures > 0


if __name__ == "__main__":
    sys.exit(main())
