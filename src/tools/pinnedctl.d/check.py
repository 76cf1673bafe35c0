# SPDX-License-Identifier: MIT
"""`pinnedctl check`: examines an installed system without changing it, and names a cure for each fault."""
import check_device
import check_driver
import check_memory
import check_programs
import finding


def findings(reader, folder):
    """Yields all findings. @reader reads the configuration; @folder contains libmalloc-pinned."""
    yield from check_programs.check_packages()
    yield from check_driver.check()
    yield from check_device.check()
    yield from check_memory.check()
    yield from check_programs.check_preload(folder)
    yield from check_programs.check_configuration(reader)


def count_faults(found):
    return sum(item.kind == finding.FAULT for item in found)


def line_of(item):
    return f"{item.kind:<6}{item.subject:<14}{item.text}"
