# SPDX-License-Identifier: MIT
"""The allocators: where their libraries are, and which environment makes a program use one of them."""
import glob
import os
import subprocess
import sys

NAMES = ("glibc", "pinned", "pinned-fine", "jemalloc", "mimalloc", "tcmalloc", "passthrough")
LIBRARIES = {"jemalloc": "libjemalloc.so.2", "mimalloc": "libmimalloc.so.[0-9]*",
             "tcmalloc": "libtcmalloc_minimal.so.4"}
# The library with other configurations. Without a configuration it passes through.
SHIM = {"pinned": "classes:pow2", "pinned-fine": "classes:fine", "passthrough": None}
OWN = ("LD_PRELOAD", "MALLOC_PINNED_CONF", "PINNED_CONF", "MALLOC_CONF", "GLIBC_TUNABLES", "PYTHONMALLOC")


def library_of(top, name):
    """Returns the path of an allocator's library; None for glibc; "" if it is not installed."""
    if name == "glibc":
        return None
    if name in SHIM:
        return os.path.join(top, "build", "lib", "libmalloc-pinned.so")
    found = sorted(glob.glob("/usr/lib/*/" + LIBRARIES[name]) + glob.glob("/usr/lib/" + LIBRARIES[name]))
    return found[-1] if found else ""


def versions(top, names):
    """Returns {name: file name} of the installed libraries of others; file names contain versions."""
    paths = {name: library_of(top, name) for name in names if name not in SHIM}
    return {name: os.path.basename(os.path.realpath(path)) for name, path in paths.items() if path}


def environment(name, library, backend):
    """Returns a program's environment for an allocator, without variables of other allocators."""
    env = {key: value for key, value in os.environ.items()
           if key not in OWN and not key.startswith(("MIMALLOC_", "TCMALLOC_", "MALLOC_"))}
    env["LC_ALL"] = "C"
    if library:
        env["LD_PRELOAD"] = library
    if SHIM.get(name):
        env["MALLOC_PINNED_CONF"] = f"backend:{backend},{SHIM[name]}"
    return env


def check(name, library, env, backend):
    """Fails unless the allocator really serves a program: otherwise glibc would be measured."""
    maps = subprocess.run(["cat", "/proc/self/maps"], env=env, capture_output=True, text=True, check=True)
    if library and os.path.realpath(library) not in maps.stdout:
        sys.exit(f"bench: {library} is not loaded by LD_PRELOAD")
    if maps.stderr:
        sys.exit(f"bench: {name} complains: {maps.stderr}")
    if SHIM.get(name):
        env = dict(env, MALLOC_PINNED_CONF=env["MALLOC_PINNED_CONF"] + ",report:1")
        report = subprocess.run(["ls", "/"], env=env, capture_output=True, text=True, check=True).stderr
        if f"backend={backend}" not in report or "object_bytes=0 " in report:
            sys.exit(f"bench: the shim does not serve: {report}")


def find(top, chosen, backend):
    """Returns {name: environment} of the allocators that are chosen and installed, glibc first."""
    names = NAMES
    if chosen:
        asked = chosen.split(",")
        if set(asked) - set(NAMES):
            sys.exit("bench: --allocators: choose among " + ", ".join(NAMES))
        names = ["glibc"] + [name for name in NAMES if name in asked and name != "glibc"]
    found = {}
    for name in names:
        library = library_of(top, name)
        if library == "":
            print(f"bench: left out {name}: {LIBRARIES[name]} is not installed", file=sys.stderr)
            continue
        if library and not os.path.exists(library):
            sys.exit(f"bench: {library} does not exist: run make")
        found[name] = environment(name, library, backend)
        check(name, library, found[name], backend)
    return found
