#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Every file is known, and every test is registered.

Rules, each of which `FILE:1: RULE: ...` names when it is broken:
  place       a file matches a pattern below, which says what the files there are; src/lib, src/kernel
              and src/shim are test/lint/layers.py's
  registered  a file in a folder of tests is run by a level, which `make list-tests` says, or is named
              below as a helper; a program of the preload tests is named by a script; what a list of
              tests names exists
"""
import fnmatch
import os
import re
import subprocess
import sys

# Patterns for the places of all files except tests. A star does not match a slash; ** does.
PLACES = """
.ci/run .clang-format .editorconfig .gitignore CHANGELOG CONTRIBUTING.md Makefile README.md dkms.conf
LICENSES/*
bench/*.c bench/*.h bench/bench.mk bench/device bench/kernel bench/patterns bench/run bench/runtimes
bench/devices/* bench/driver/* bench/lines/* bench/real/* bench/suite/*
contrib/** debian/* debian/source/* debian/tests/*
doc/*.md doc/*.svg doc/site/* doc/site/style/*.css
examples/common/*.[ch] examples/common/*/*
examples/*/*.[ch] examples/languages/* examples/*/Makefile examples/*/README.md examples/*/openssl.cnf examples/*/take-devices
examples/*/demo/*
examples/vendor-dkms/**
include/*.h include/pinned.hpp include/uapi/*.h
man/man[1-9]/*.[1-9]
src/lib/libpinned.map src/lib/libpinned.pc.in src/lib/README.md src/lib/*/README.md
src/kernel/Kbuild src/kernel/build-module src/kernel/keep-symbols
src/lib/*/*.[ch] src/kernel/*.[ch] src/shim/*.[ch]
include/usdm/qae_mem.h
src/python/*.py src/usdm/*
src/tools/* src/tools/monitoring/* src/tools/pinnedctl.d/*.py src/tools/pkgconfig/*.pc.in src/tools/system/* src/tools/system/dracut/*
""".split()

# Files in the folders of tests that no level runs by itself.
HELPERS = """
test/check test/check-all test/check-devices test/check-one test/check.mk test/coverage test/mutations test/need test/run
test/first-hour/*
test/deb/build-debs test/deb/clean-system test/deb/common test/deb/compare-abi
test/fuzz/fuzz.h test/fuzz/requests.h test/fuzz/library
test/kernel/*/* test/kernel/build-test-module
test/lib/*
test/lint/*
test/matrix/*
test/proof/check test/proof/proof.h
test/preload/common test/preload/private_etc test/preload/attacks/attack.h
test/qemu/* test/qemu/expected-skips/*
test/secure-boot/*
test/system/build-cost test/system/guest test/system/guest-common test/system/make-disk test/system/make-repository
test/system/packages test/system/run-boot test/system/image/** test/system/programs/*
test/unit/*.h test/unit/run-flavours
test/vfio/user.c test/vfio/user.h
""".split()

failures = 0


def complain(path, rule, text, line=1):
    global failures
    failures += 1
    print(f"{path}:{line}: {rule}: {text}")


def matches(path, patterns):
    for pattern in patterns:
        if "**" in pattern:
            if fnmatch.fnmatchcase(path, pattern):
                return True
        elif path.count("/") == pattern.count("/") and fnmatch.fnmatchcase(path, pattern):
            return True
    return False


def files():
    listed = subprocess.run(["git", "ls-files", "-c", "-o", "--exclude-standard"], capture_output=True, text=True, check=True)
    return sorted({path for path in listed.stdout.splitlines() if os.path.exists(path)})


def tests():
    listed = subprocess.run(["make", "-s", "--no-print-directory", "list-tests"], capture_output=True, text=True, check=True)
    return set(listed.stdout.split())


def text_of(*patterns):
    found = [path for path in files() if matches(path, patterns)]
    return "\n".join(open(path, errors="replace").read() for path in found)


def check_places(paths, registered):
    for path in paths:
        if not path.startswith("test/"):
            if not matches(path, PLACES):
                complain(path, "place", "no pattern of test/lint/places.py says what this file is")
        elif path not in registered and not matches(path, HELPERS):
            complain(path, "registered", "no level of tests runs this file (`make list-tests`), and test/lint/places.py names no such helper")


def check_named(paths, folder, ending, where, what):
    """Each file of a folder is named by some other file."""
    text = text_of(*where)
    for path in paths:
        name = os.path.basename(path)
        if path == f"{folder}/{name}" and name.endswith(ending):
            name = name[:-len(ending)] if ending == ".c" else name
            if not re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", text):
                complain(path, "registered", f"{what} names {name}")


def check_list(path, folder, endings):
    """What a list of tests names exists; # begins a comment."""
    for number, line in enumerate(open(path), 1):
        name = line.partition("#")[0].strip()
        if name and not any(os.path.exists(f"{place}/{name}{ending}") for place in folder for ending in endings):
            complain(path, "registered", f"there is no test {name}", number)


def check_executable(paths):
    for path in paths:
        if path.startswith("test/") and path.endswith(".sh") and not path.startswith("test/system/checks/") and not os.access(path, os.X_OK):
            complain(path, "registered", "a test that is a script is executable")


def main():
    os.chdir(os.path.join(os.path.dirname(__file__), "../.."))
    paths, registered = files(), tests()
    if len(registered) < 150:
        complain("test/check.mk", "registered", f"only {len(registered)} tests found")
    for path in sorted(registered - set(paths)):
        complain(path, "registered", "`make list-tests` names it, and it does not exist")
    check_places(paths, registered)
    check_named(paths, "test/preload/programs", ".c", ["test/preload/*.sh", "test/system/checks/*", "test/lib/*"], "no script of test/preload")
    check_named(paths, "test/system/checks", ".sh", ["test/system/boots/*"], "no file of test/system/boots")
    check_named(paths, "test/system/boots", "", ["test/system/check"], "the order of boots in test/system/check")
    check_named(paths, "test/device", ".sh", ["test/qemu/check", "test/check.mk"], "neither test/qemu/check nor test/check.mk")
    fuzzers = [path for path in paths if path.startswith("test/fuzz/") and "LLVMFuzzerTestOneInput" in open(path, errors="replace").read()]
    check_named([path for path in fuzzers if path.endswith(".c")], "test/fuzz", ".c", ["test/fuzz/library"], "test/fuzz/library does not run it: no line")
    for name in ("test/qemu/on-device", "test/qemu/on-device-long"):
        check_list(name, ["test/preload"], [".sh"])
    check_executable(paths)
    return failures > 0


if __name__ == "__main__":
    sys.exit(main())
