# SPDX-License-Identifier: MIT
"""A finding of a check: its kind, its subject, and a text with the state and the cure."""
from collections import namedtuple

OK, NOTE, FAULT = "ok", "note", "FAULT"

Finding = namedtuple("Finding", "kind subject text")


def ok(subject, text):
    return Finding(OK, subject, text)


def note(subject, text):
    """A state that is valid, but may not be wanted."""
    return Finding(NOTE, subject, text)


def fault(subject, text):
    return Finding(FAULT, subject, text)
