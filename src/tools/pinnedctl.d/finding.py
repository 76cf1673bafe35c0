# SPDX-License-Identifier: MIT
"""What a check has found: its kind, what it is about, and in words what there is and what cures it."""
from collections import namedtuple

OK, NOTE, FAULT = "ok", "note", "FAULT"

Finding = namedtuple("Finding", "kind subject text")


def ok(subject, text):
    return Finding(OK, subject, text)


def note(subject, text):
    """Worth knowing; not everybody wants it otherwise."""
    return Finding(NOTE, subject, text)


def fault(subject, text):
    return Finding(FAULT, subject, text)
