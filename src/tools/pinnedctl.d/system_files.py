# SPDX-License-Identifier: MIT
"""Files of the system that is examined: this system, or a directory that a test puts in its place."""
import os

# More bytes than any system file that this program reads contains.
READ_MAX = 16 << 20

ROOT = os.environ.get("PINNEDCTL_ROOT", "")


def at(path):
    return ROOT + path


def read(path):
    """Returns the stripped text; None if the file does not exist or cannot be read."""
    try:
        with open(at(path), encoding="utf-8", errors="replace") as file:
            return file.read(READ_MAX).strip()
    except OSError:
        return None


def names(path):
    """Returns the names in a directory; none if it does not exist."""
    try:
        return sorted(os.listdir(at(path)))
    except OSError:
        return []


def number(path):
    """Returns the number in a file; None if there is none."""
    text = read(path)
    return int(text) if text and text.isdigit() else None
