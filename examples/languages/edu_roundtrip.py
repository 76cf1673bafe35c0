#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A device's driver in Python: QEMU's edu device copies a numpy array into its own buffer, and from
there into a second array, at the physical addresses of both. The device is accessed through sysfs,
which needs root."""
import glob
import mmap
import sys
import time

import numpy
import pinned

DMA_SOURCE, DMA_DESTINATION, DMA_COUNT, DMA_COMMAND = 0x80, 0x88, 0x90, 0x98
RUN, TO_MEMORY = 1, 2
DEVICE_BUFFER = 0x40000
TRANSFER_MAX = 4032


def find_device():
    for folder in glob.glob("/sys/bus/pci/devices/*"):
        with open(f"{folder}/vendor") as vendor, open(f"{folder}/device") as device:
            if (vendor.read().strip(), device.read().strip()) == ("0x1234", "0x11e8"):
                return folder
    raise OSError("there is no device 1234:11e8")


class Edu:
    """The device, with its registers of 64 bits."""

    def __init__(self):
        folder = find_device()
        with open(f"{folder}/config", "r+b", buffering=0) as config:
            config.seek(4)
            command = int.from_bytes(config.read(2), "little") | 6  # memory, bus master
            config.seek(4)
            config.write(command.to_bytes(2, "little"))
        with open(f"{folder}/resource0", "r+b", buffering=0) as resource:
            self._bar = mmap.mmap(resource.fileno(), 1 << 20)
        self._registers = memoryview(self._bar).cast("Q")

    def _transfer(self, source, destination, count, direction):
        registers = self._registers
        registers[DMA_SOURCE // 8] = source
        registers[DMA_DESTINATION // 8] = destination
        registers[DMA_COUNT // 8] = count
        registers[DMA_COMMAND // 8] = RUN | direction
        end = time.monotonic() + 60
        while registers[DMA_COMMAND // 8] & RUN:
            if time.monotonic() > end:
                raise TimeoutError("the device does not finish")
            time.sleep(0.01)

    def copy(self, source, target):
        """Moves the bytes of `source` through the device to `target`; both are contiguous."""
        (start,), (end,) = pinned.v2p_sg(source), pinned.v2p_sg(target)
        with pinned.retain(source), pinned.retain(target):
            self._transfer(start.phys, DEVICE_BUFFER, start.len, 0)
            self._transfer(DEVICE_BUFFER, end.phys, end.len, TO_MEMORY)


def main():
    device = Edu()
    with pinned.Heap(max_phys=0xFFFFFFFF) as heap:
        source = heap.array(TRANSFER_MAX // 4, "uint32")
        target = heap.array(TRANSFER_MAX // 4, "uint32")
    source[:] = numpy.arange(len(source)) * 2654435761 % 2**32
    device.copy(source, target)
    if not (source == target).all():
        sys.exit("python: the device returned other bytes")
    print(f"python: the device moved {source.nbytes} bytes from {pinned.v2p(source):#x} to {pinned.v2p(target):#x}")


main()
