# SPDX-License-Identifier: MIT
"""Sizes and addresses, as people write and read them."""
import re

CHUNK = 2 << 20


def size(count):
    """Formats bytes in a unit that leaves at most four digits."""
    for unit in "BKMGT":
        if count < 10000 or unit == "T":
            return f"{count}{unit if unit != 'B' else ''}"
        count //= 1024
    return ""


def chunks(count):
    """Formats a number of chunks, with their size."""
    return f"{count} chunk{'' if count == 1 else 's'} ({size(count * CHUNK)})"


def change(text):
    """Parses chunks, or a size with K, M, G or T, with an optional + or -. Returns (sign, chunks)."""
    match = re.fullmatch(r"([+-]?)([0-9]{1,18})([KMGT]?)", text, re.ASCII)
    if not match:
        raise ValueError
    sign, digits, unit = match.groups()
    count = int(digits)
    if unit:
        count <<= 10 * (" KMGT".index(unit))
        if count % CHUNK:
            raise ValueError
        count //= CHUNK
    return sign, count


def address(text):
    """Parses an address as /proc prints it: hexadecimal digits, with or without 0x."""
    match = re.fullmatch(r"(?:0[xX])?([0-9a-fA-F]{1,16})", text, re.ASCII)
    if not match:
        raise ValueError
    return int(match[1], 16)
