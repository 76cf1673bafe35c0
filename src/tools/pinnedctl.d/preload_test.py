# SPDX-License-Identifier: MIT
"""Tests whether indispensable programs behave the same with a library preloaded."""
import os
import subprocess

from trouble import Trouble

# Harmless commands; those that are not installed are skipped.
PROGRAMS = {
    "shell": [
        ["/bin/sh", "-c", "echo $((6 * 7)) | cat"],
        ["/bin/bash", "-c", "for i in 1 2 3; do echo $i; done | tail -n 1"],
    ],
    "init": [["/sbin/init", "--version"]],
    "sshd": [["/usr/sbin/sshd", "-V"], ["/usr/sbin/sshd", "-t"]],
    "login": [["/bin/su", "--version"], ["/usr/bin/sudo", "--version"]],
    "apt": [["/usr/bin/apt-get", "--version"], ["/usr/bin/apt-config", "dump"]],
    "dpkg": [["/usr/bin/dpkg", "--version"], ["/usr/bin/dpkg-query", "-W", "dpkg"]],
}
SECONDS = 30


def run(command, preload=None):
    """Returns (exit status, output, text on stderr); the status is None after a time-out."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if name not in ("LD_PRELOAD", "MALLOC_PINNED_CONF")
    }
    environment["LC_ALL"] = "C"
    if preload:
        environment["LD_PRELOAD"] = preload
    try:
        result = subprocess.run(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return None, b"", b""
    except OSError as error:
        return None, b"", str(error).encode()
    return result.returncode, result.stdout, result.stderr


def message_of_every_program():
    """Returns what the dynamic linker prints when a program starts; None if it prints nothing."""
    status, _, said = run(["/bin/true"])
    return said.decode(errors="replace").strip() if status is not None and said else None


def is_mapped(path, preload=None):
    """Returns whether a process that is started now has this file mapped."""
    status, output, _ = run(["/bin/cat", "/proc/self/maps"], preload)
    return status == 0 and any(
        line.endswith(b" " + os.fsencode(path)) for line in output.splitlines()
    )


def references():
    """Returns {command: result} of the installed programs, in the current state."""
    results = {}
    for commands in PROGRAMS.values():
        for command in commands:
            if os.access(command[0], os.X_OK):
                results[tuple(command)] = run(command)
    return results


def difference(before, after):
    """Returns the difference as text; None if there is none."""
    for index, what in enumerate(("exit status", "output", "message")):
        if before[index] != after[index]:
            return f"{what} {before[index]!r:.200}, with the library {after[index]!r:.200}"
    return None


def compare(results, path, preload=None):
    """
    Yields a line for each program that behaves the same; raises Trouble for the first that does not. Without
    @preload, the library is among those that all programs load.
    """
    if not is_mapped(path, preload):
        raise Trouble(f"self-test: {path} is not loaded into a new process (is /proc mounted?)")
    for name, commands in PROGRAMS.items():
        tried = [command for command in commands if tuple(command) in results]
        for command in tried:
            found = difference(results[tuple(command)], run(command, preload))
            if found:
                raise Trouble(f"self-test: {' '.join(command)}: {found}")
        yield f"{name:<6} {'the same' if tried else 'not installed'}"
