# SPDX-License-Identifier: MIT
"""
`pinnedctl selftest`: runs the tests and the benchmarks of pinned-mem-tests on this machine. They
take up to 200 MiB for some seconds, change no setting, and work beside other users of the driver.
"""
import os
import platform
import subprocess
import tempfile

import driver
import units
from trouble import Trouble

SKIPPED = 77  # the exit status of a test that cannot run here
SECONDS = 300
# Tests that get a file as argument. A disk that transfers it directly is a device on every machine.
NEED_FILE = ("pin_by_direct_io",)
COPIES = (4096, 1 << 20)


def machine():
    """Returns what a support ticket says about the machine and the driver."""
    info = driver.info()
    return {
        "kernel": platform.release(),
        "architecture": platform.machine(),
        "page_bytes": os.sysconf("SC_PAGESIZE"),
        "processors": os.cpu_count(),
        "memory_bytes": os.sysconf("SC_PAGESIZE") * os.sysconf("SC_PHYS_PAGES"),
        "driver": driver.version(),
        "interface": info.abi_version,
        "features": f"{info.features:#x}",
        "used_chunks": info.used_chunks,
        "limit_chunks": info.limit_chunks,
        "reserve_chunks": info.reserve_chunks,
    }


def machine_lines(about):
    yield (
        f"machine  Linux {about['kernel']} {about['architecture']}, pages of {units.size(about['page_bytes'])}, "
        f"{about['processors']} processors, {units.size(about['memory_bytes'])}"
    )
    yield (
        f"driver   {about['driver']}, interface {about['interface']}, features {about['features']}; chunks: "
        f"{about['used_chunks']} used, at most {about['limit_chunks']}, reserve {about['reserve_chunks']}"
    )


class Programs:
    """The installed programs, and the environment in which they run."""

    def __init__(self, libexec_dir, library_dir):
        self.folder = os.path.join(libexec_dir, "selftest")
        self.environment = {
            "PATH": "/usr/bin:/bin",
            "LC_ALL": "C",
            "PINNED_CONF": "backend:device,policy:fail",
            # In the build tree, the library is in this folder.
            "LD_LIBRARY_PATH": library_dir,
        }

    def names(self, part):
        try:
            return sorted(os.listdir(os.path.join(self.folder, part)))
        except OSError:
            raise Trouble(
                f"there are no tests in {self.folder}; apt install pinned-mem-tests"
            ) from None

    def run(self, part, name, *arguments):
        """Returns (exit status, output, text on stderr); the status is None after a time-out."""
        try:
            result = subprocess.run(
                [os.path.join(self.folder, part, name), *arguments],
                env=self.environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return None, "", ""
        return result.returncode, result.stdout, result.stderr


def last_line(text):
    lines = text.strip().splitlines()
    return lines[-1] if lines else "no message"


def run_test(programs, name, folder):
    """Returns what happened: result is ok, skipped or failed, and reason says why."""
    arguments = [os.path.join(folder, name)] if name in NEED_FILE else []
    status, _, said = programs.run("tests", name, *arguments)
    if status == 0:
        return {"name": name, "result": "ok", "reason": ""}
    if status == SKIPPED:
        reason = last_line(said).removeprefix("skipped: ")
        return {"name": name, "result": "skipped", "reason": reason}
    if status is None:
        reason = f"it has not ended in {SECONDS} s"
    elif status < 0:
        reason = f"killed by signal {-status}; {last_line(said)}"
    else:
        reason = last_line(said)
    return {"name": name, "result": "failed", "reason": reason}


def run_tests(programs, names):
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR", "/var/tmp")) as folder:
        for name in names:
            yield run_test(programs, name, folder)


def rows(programs, name, *arguments):
    """Returns the lines of numbers that a benchmark prints, as {first word: other words}."""
    status, output, _ = programs.run("figures", name, *arguments)
    words = [line.split() for line in output.splitlines()] if status == 0 else []
    return {line[0]: line[1:] for line in words if line}


def measure(programs):
    """Yields (name, nanoseconds)."""
    found = rows(programs, "v2p", "64")
    for name, about in (("pinned", "pinned_v2p()"), ("pagemap", "address from pagemap")):
        if name in found:
            yield about, float(found[name][0])
    found = rows(programs, "bounce", "10")
    for size in COPIES:
        if str(size) in found:
            copied, _, reached = map(float, found[str(size)])
            yield f"copy {units.size(size)}", copied
            yield f"retain, translate, release {units.size(size)}", reached


def figure_line(name, nanoseconds):
    return f"figure   {name:<34}{nanoseconds:>12.1f} ns"


def choose(programs, wanted):
    names = programs.names("tests")
    unknown = [name for name in wanted if name not in names]
    if unknown:
        raise Trouble(f"there is no test {unknown[0]}; there are {', '.join(names)}")
    return wanted or names


def line_of(item):
    return f"{item['result']:<9}{item['name']}{': ' if item['reason'] else ''}{item['reason']}"


def conclusions(results):
    """Returns what keeps the self-test from success, as a list of Trouble."""
    failed = sum(item["result"] == "failed" for item in results)
    if failed:
        return [Trouble(f"failed tests: {failed}")]
    if not any(item["result"] == "ok" for item in results):
        return [Trouble("no test could run")]
    return []
