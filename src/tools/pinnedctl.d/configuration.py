# SPDX-License-Identifier: MIT
"""The configuration file, as read by libmalloc-pinned's own reader, the program read-config."""
import os
import pwd
import re
import shutil
import subprocess
import sys

import contradictions
from trouble import Trouble

PATH = "/etc/malloc-pinned.conf"
OFF_PATH = "/etc/malloc-pinned.disabled"
# The user id that stands for no user, as in the kernel: (uid_t)-1.
NOBODY = (1 << 32) - 1


class Reader:
    """Runs the library's reader on a file; its notes are (word, line number, text)."""

    def __init__(self, folder, path):
        self.program = os.path.join(folder, "read-config")
        self.path = path

    def ask(self, command, *words):
        result = subprocess.run(
            [self.program, command, self.path, *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            check=False,
        )
        # Python's splitlines() would also split at \r, which is an ordinary byte here.
        output, said = (
            text.decode(errors="backslashreplace") for text in (result.stdout, result.stderr)
        )
        if result.returncode:
            raise Trouble(said.strip() or f"{self.program} failed")
        notes = (line.split(" ", 2) for line in output.split("\n") if line)
        return [(word, int(number), printable(text)) for word, number, text in notes]


def printable(text):
    return "".join(char if char.isprintable() else "?" for char in text)


def say(text):
    print(text, file=sys.stderr)


def section_of(text):
    """Returns the kind and the name in a section's header."""
    kind, name = re.fullmatch(r"\[\s*(\S+)\s*(.*?)\s*\]", text).groups()
    if kind == "exe":
        return kind, name
    return kind, str(int(name)) if kind == "user" else name.rstrip("/") + "/"


def covers(earlier, later):
    """Returns whether @earlier applies to all programs of the section @later."""
    if earlier[0] != later[0]:
        return False
    if earlier[0] == "exe" and earlier[1].endswith("*"):
        return later[1].startswith(earlier[1][:-1])
    if earlier[0] == "cgroup":
        return later[1].startswith(earlier[1])
    return earlier[1] == later[1]


def advice_on(section, earlier):
    """Returns a warning about a valid section, or None. @earlier: [(section, line)]."""
    for other, line in earlier:
        if covers(other, section):
            return f"no program uses this section: line {line} names the same programs"
    kind, name = section
    if kind != "exe" or name.endswith("*"):
        return None
    if not os.path.exists(name):
        return f"there is no program {name} now"
    if os.path.realpath(name) != name:
        return f"{name} is a link, so no program has this path; use {os.path.realpath(name)}"
    return None


def contradictions_in(notes):
    """Yields (line, text) for keys that contradict each other. Keys before the first section belong to each
    section."""
    shared, sections = {}, []
    for word, line, text in notes:
        if word == "section":
            sections.append({})
        elif word == "key":
            name, _, value = (part.strip() for part in text.partition("="))
            keys = sections[-1] if sections else shared
            if name in keys and keys[name][0] != value:
                yield line, f"{name} is in line {keys[name][1]} already, with another value"
            keys[name] = (value, line)
    for own in sections:
        yield from contradictions.of_section(shared, own)


def findings(reader):
    """Returns what the file contains, by line: ("error", line, text), ("section", line, warning or
    None), or ("warning", line, the contradiction)."""
    earlier = []
    notes = reader.ask("check")
    found = [("warning", line, text) for line, text in dict.fromkeys(contradictions_in(notes))]
    for word, line, text in notes:
        if word == "error":
            found.append((word, line, text))
        elif word == "section":
            section = section_of(text)
            found.append((word, line, advice_on(section, earlier)))
            earlier.append((section, line))
    return sorted(found, key=lambda item: item[1])


def count_errors(found):
    return sum(word == "error" for word, *_ in found)


def errors_trouble(reader, errors):
    return Trouble(f"{reader.path}: invalid lines: {errors}; the library ignores them")


def tell(reader, found):
    """Prints errors and warnings. Returns the number of sections if there are no errors."""
    for word, line, text in found:
        if text:
            kind = "" if word == "error" else "warning: "
            say(f"{reader.path}:{line}: {kind}{text}")
    errors = count_errors(found)
    if errors:
        raise errors_trouble(reader, errors)
    return sum(word == "section" for word, *_ in found)


def path_of(program):
    """Returns the path that /proc/PID/exe will show."""
    found = program if "/" in program else shutil.which(program)
    if not found or not os.path.isfile(found):
        raise Trouble(f"there is no program {program}")
    path = os.path.realpath(found)
    try:
        with open(path, "rb") as file:
            head = file.readline(200)
    except OSError:
        return path
    if head.startswith(b"#!"):
        interpreter = head[2:].decode(errors="replace").strip()
        raise Trouble(f"{path} is a script; name its interpreter: {printable(interpreter)}")
    return path


def user_of(name):
    if name is None:
        return os.geteuid()
    try:
        number = int(name) if name.isdecimal() else pwd.getpwnam(name).pw_uid
    except KeyError:
        number = NOBODY
    if number >= NOBODY:
        raise Trouble(f"there is no user {name}")
    return number


def show(reader, program, cgroup, user):
    """Yields lines: the section that applies to the program, and the keys that it uses."""
    path, number = path_of(program), user_of(user)
    notes = reader.ask("show", path, cgroup, str(number)) if os.path.exists(reader.path) else []
    section = [(line, text) for word, line, text in notes if word == "section"]
    yield f"program  {path}, user {number}"
    if not section:
        yield "section  none; libc's malloc serves it"
        return
    yield f"section  {section[0][1]}, {reader.path}:{section[0][0]}"
    for word, line, text in notes:
        if word == "key":
            yield f"line {line:<4}{text}"
        elif word == "error":
            say(f"{reader.path}:{line}: {text}; ignored")
    if os.path.exists(OFF_PATH):
        yield f"but      {OFF_PATH} exists; libc's malloc serves it"
