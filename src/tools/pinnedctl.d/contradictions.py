# SPDX-License-Identifier: MIT
"""Keys of malloc-pinned.conf that the library accepts one by one, and that contradict each other."""
import units

CHUNK = units.CHUNK
DRIVER_ONLY = ("hugetlb", "anon")


def number_of(text):
    """Returns a size in bytes, or None."""
    unit = " KMGT".find(text[-1:])
    digits = text[:-1] if unit > 0 else text
    return int(digits) << 10 * max(unit, 0) if digits.isdecimal() and digits.isascii() else None


class Keys:
    """The keys that apply to a section: its own, and those before the first section."""

    def __init__(self, shared, own):
        self.own = own
        self.values = shared | own

    def text(self, name):
        return self.values.get(name, ("", 0))[0]

    def number(self, name):
        return number_of(self.text(name))

    def line(self, *names):
        """Returns the line of the last of these keys."""
        return max(self.values.get(name, ("", 0))[1] for name in names)


def too_small(keys):
    least, most, limit = keys.number("min"), keys.number("max"), keys.number("limit")
    if least is not None and most is not None and least > most:
        yield keys.line("min", "max"), "min is larger than max, so no request is served"
    if limit is not None and limit < CHUNK:
        yield keys.line("limit"), "limit is less than a chunk of 2M, so no request is served"
    elif limit is not None and least is not None and least > limit:
        yield keys.line("limit", "min"), "min is larger than limit, so no request is served"
    reserved = keys.number("realtime")
    if reserved is not None and limit is not None and -(-reserved // CHUNK) > limit // CHUNK:
        yield keys.line("realtime", "limit"), (
            "realtime is more than limit, so the memory cannot be obtained"
        )
    for name in ("quarantine", "retain_limit"):
        size = keys.number(name)
        if size is not None and limit is not None and size >= limit:
            yield keys.line(
                name, "limit"
            ), f"{name} is not less than limit, and may use all of it up"


def without_the_driver(keys):
    backend = keys.text("backend")
    if backend not in DRIVER_ONLY:
        return
    if keys.text("memory") in ("uncached", "write-combine"):
        yield keys.line("backend", "memory"), (
            f"backend {backend} has no {keys.text('memory')} memory, so no request is served"
        )
    if keys.text("node") not in ("", "any"):
        yield keys.line("backend", "node"), (
            f"backend {backend} has no choice of the node, so no request is served"
        )


def without_effect(keys):
    if keys.text("policy") == "passthrough":
        for name, (_, line) in sorted(keys.own.items(), key=lambda item: item[1][1]):
            if name != "policy":
                yield line, f"{name} has no effect where policy is passthrough"
    if keys.text("profile_file") and keys.number("profile") in (None, 0):
        yield keys.line("profile_file"), "profile_file has no effect without profile"
    if keys.number("realtime"):
        for name in ("guard", "decay_ms", "idle"):
            if keys.number(name):
                yield keys.line("realtime", name), f"{name} has no effect with realtime"


def of_section(shared, own):
    """Yields (line, text) for contradictions in a section. Both arguments are {key: (value, line)}."""
    keys = Keys(shared, own)
    for check in (too_small, without_the_driver, without_effect):
        yield from check(keys)
