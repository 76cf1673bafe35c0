# SPDX-License-Identifier: MIT
"""Runs commands and servers under bench/measure, which prints what they cost."""
import os
import signal
import subprocess
import sys
import tempfile

FIGURES = ("wall", "user", "system", "rss_kib", "faults")


def read_cost(path, command):
    with open(path, encoding="ascii") as file:
        status, *figures = file.read().split()
    if status != "0":
        sys.exit(f"bench: status {status}: {' '.join(command)}")
    cost = dict(zip(FIGURES, map(float, figures)))
    cost["cpu"] = cost.pop("user") + cost.pop("system")
    return cost


class Measured:
    """A running command, and what it cost after its end."""

    def __init__(self, binaries, command, env, directory, **streams):
        self.command, self.directory = command, directory
        descriptor, self.path = tempfile.mkstemp(dir=directory)
        os.close(descriptor)
        self.process = subprocess.Popen([os.path.join(binaries, "measure"), self.path] + command, env=env,
                                        cwd=directory, **streams)

    def finish(self):
        """Waits for the end. Returns standard output, if it is a pipe, and the costs."""
        try:
            output = self.process.communicate(timeout=600)[0]
        except subprocess.TimeoutExpired:
            self.stop()
            sys.exit(f"bench: not done in 10 minutes: {' '.join(self.command)}")
        return output, read_cost(self.path, self.command)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)


def run(binaries, command, env, directory, stdin=None):
    """Returns a command's standard output and costs. Shows its standard error if it fails."""
    with tempfile.TemporaryFile(dir=directory) as errors:
        measured = Measured(binaries, command, env, directory, stdin=stdin or subprocess.DEVNULL,
                            stdout=subprocess.PIPE, stderr=errors)
        try:
            return measured.finish()
        except SystemExit:
            errors.seek(0)
            sys.stderr.write(errors.read().decode(errors="replace"))
            raise
