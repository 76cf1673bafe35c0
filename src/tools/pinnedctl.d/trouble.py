# SPDX-License-Identifier: MIT
"""The one exception that ends the program with a message for its user."""


class Trouble(Exception):
    """What failed, on what, and what to do about it."""
