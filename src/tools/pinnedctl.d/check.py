# SPDX-License-Identifier: MIT
"""`pinnedctl check`: looks at an installed system, changes nothing, and says what cures what is wrong."""
import check_device
import check_driver
import check_memory
import check_programs
import finding
from trouble import Trouble


def findings(reader, folder):
    """@reader is for the configuration; @folder is where libmalloc-pinned is."""
    yield from check_programs.check_packages()
    yield from check_driver.check()
    yield from check_device.check()
    yield from check_memory.check()
    yield from check_programs.check_preload(folder)
    yield from check_programs.check_configuration(reader)


def run(reader, folder):
    """Yields a line for each finding; Trouble at the end if there are faults."""
    faults = 0
    for found in findings(reader, folder):
        faults += found.kind == finding.FAULT
        yield f"{found.kind:<6}{found.subject:<14}{found.text}"
    if faults:
        raise Trouble(f"faults: {faults}")
