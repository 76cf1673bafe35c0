# SPDX-License-Identifier: MIT
"""`pinnedctl top`: all processes in a table, which is refreshed on a terminal."""
import contextlib
import json
import os
import select
import sys
import termios
import time
import tty

import memory
import readings
import tables
from trouble import Trouble

HELP = "q quit  s sort by the next column  r reverse  / filter by program or user"
KEYS = ("pid", "user", "program", "backend")


def names_of(reading):
    """Returns the texts by which a process can be filtered."""
    return (reading.dump["program"], reading.user)


def is_wanted(reading, options):
    if options.user and reading.user != options.user:
        return False
    return not options.filter or any(options.filter in name for name in names_of(reading))


def summary(reading):
    """Returns a process's figures, with those of its heaps summed."""
    dump = reading.dump
    sums = {
        figure.name: readings.value(dump, figure.name)
        for figure in [*reading.table, readings.LIVE]
        if figure.scope == "heap" and figure.kind != "setting" and figure.name not in dump
    }
    own = {name: value for name, value in dump.items() if name not in ("heaps", "chunks")}
    return own | {"user": reading.user} | sums


def notes_on(troubles):
    """Returns what the table omits, and why."""
    hidden = sum(isinstance(trouble, memory.NotPermitted) for trouble in troubles)
    for trouble in troubles:
        if not isinstance(trouble, memory.NotPermitted):
            yield str(trouble)
    if hidden:
        yield f"{hidden} more may not be read; be root"


def lines_of(found, troubles, options):
    if found:
        lines = list(tables.of_processes(found, options.columns, options.sort))
        if options.reverse:
            lines[1:-1] = reversed(lines[1:-1])
    else:
        lines = ["no process that may be read uses pinned memory"]
    return lines + list(notes_on(troubles))


def check_columns(options, found):
    """Raises Trouble for a column that no library has."""
    known = {figure.name for reading in found for figure in reading.table} | {"live_bytes"}
    for name in (*options.columns, *({options.sort} - set(KEYS))):
        if found and name not in known:
            raise Trouble(f"there is no figure {name}; there are {' '.join(sorted(known))}")


@contextlib.contextmanager
def keys_one_by_one():
    """Reads keys without Enter and without echo. Yields whether there is a keyboard."""
    if not sys.stdin.isatty():
        yield False
        return
    before = termios.tcgetattr(sys.stdin)
    try:
        tty.setcbreak(sys.stdin)
        yield True
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)


def read_filter():
    """Reads keys up to Enter; Backspace removes the last one."""
    text = ""
    while True:
        print(f"\r\033[Kfilter: {text}", end="", flush=True)
        key = os.read(sys.stdin.fileno(), 1).decode("ascii", "replace")
        if key in ("", "\r", "\n"):
            return text
        text = text[:-1] if key in ("\b", "\x7f") else text + key


def obey(key, options):
    """Changes the options according to a key. Returns False for the key that quits."""
    if key == "s":
        order = ["pid", *options.columns]
        at = order.index(options.sort) if options.sort in order else -1
        options.sort = order[(at + 1) % len(order)]
    elif key == "r":
        options.reverse = not options.reverse
    elif key == "/":
        options.filter = read_filter()
    return key not in ("q", "Q", "")


def wait(options, has_keys):
    """Waits until the next table. Returns False if there is none."""
    if not has_keys:
        time.sleep(options.interval)
        return True
    ready, _, _ = select.select([sys.stdin], [], [], options.interval)
    return not ready or obey(os.read(sys.stdin.fileno(), 1).decode("ascii", "replace"), options)


def show(lines):
    """Prints the table, on a terminal in place of the previous one."""
    columns, rows = os.get_terminal_size()
    shown = [line[:columns] for line in [HELP, *lines][: rows - 1]]
    print("\033[H\033[2J" + "\n".join(shown), flush=True)


def run(options):
    is_terminal = sys.stdout.isatty() and not options.json
    left = options.count if options.count else (0 if is_terminal else 1)
    with keys_one_by_one() if is_terminal else contextlib.nullcontext(False) as has_keys:
        while True:
            found, troubles = readings.of_all()
            check_columns(options, found)
            found = [reading for reading in found if is_wanted(reading, options)]
            if options.json:
                data = [summary(reading) for reading in found]
                print(json.dumps(data, separators=(",", ":")), flush=True)
            elif is_terminal:
                show(lines_of(found, troubles, options))
            else:
                print(*lines_of(found, troubles, options), sep="\n", flush=True)
            left -= 1
            if left == 0 or not wait(options, has_keys):
                return
