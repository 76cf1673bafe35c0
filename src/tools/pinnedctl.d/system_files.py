# SPDX-License-Identifier: MIT
"""Files of the system that is looked at: of this one, or below a folder that tests put in its place."""
import os

# What is longer is no file of the system's.
READ_MAX = 16 << 20

ROOT = os.environ.get("PINNEDCTL_ROOT", "")


def at(path):
    return ROOT + path


def read(path):
    """The text without blanks around it; None if the file is not there, or may not be read."""
    try:
        with open(at(path), encoding="utf-8", errors="replace") as file:
            return file.read(READ_MAX).strip()
    except OSError:
        return None


def names(path):
    """What is in a folder; nothing if there is none."""
    try:
        return sorted(os.listdir(at(path)))
    except OSError:
        return []


def number(path):
    """None if the file has no number, too."""
    text = read(path)
    return int(text) if text and text.isdigit() else None
