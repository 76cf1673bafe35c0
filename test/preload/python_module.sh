#!/bin/bash
# SPDX-License-Identifier: MIT
# Promise: the module pinned for Python does what its text says, with and without the shim: it
# translates and retains everything with the buffer protocol, heaps and numpy arrays in them free
# their memory when nothing refers to it and not before, and each failure raises the call's errno.
# On the device, addresses are those that the page tables contain.
# shellcheck source=test/preload/common
. "$(dirname "$0")/common"
need python3
python3 -c 'import numpy' || fail 'there is no numpy (python3-numpy)'

cat >try.py <<'SCENARIO'
import array, ctypes, errno, gc, mmap, os, re, struct, sys, threading, unittest
import numpy
import pinned

backend = pinned.backend()
under_shim = "libmalloc-pinned" in os.environ.get("LD_PRELOAD", "")


def page_tables_say(address):
    """Returns the physical address that /proc/self/pagemap tells to root, after an access."""
    ctypes.string_at(address, 1)
    with open("/proc/self/pagemap", "rb", buffering=0) as file:
        entry, = struct.unpack("Q", os.pread(file.fileno(), 8, address // mmap.PAGESIZE * 8))
    return (entry & (1 << 55) - 1) * mmap.PAGESIZE + address % mmap.PAGESIZE


def address_of(buffer):
    return ctypes.addressof(ctypes.c_char.from_buffer(buffer))


class Module(unittest.TestCase):
    def fails(self, number, function, *arguments, **keywords):
        with self.assertRaises(OSError) as caught:
            function(*arguments, **keywords)
        self.assertEqual(caught.exception.errno, number)

    def translates(self, buffer):
        address = address_of(buffer)
        self.assertTrue(pinned.owns(buffer))
        if backend != "device":
            self.assertIsNone(pinned.v2p(buffer))
            self.fails(errno.EFAULT, pinned.v2p_sg, buffer)
            return
        self.assertEqual(pinned.v2p(buffer), page_tables_say(address))
        self.assertEqual(pinned.p2v(pinned.v2p(buffer)), address)
        extents, at = pinned.v2p_sg(buffer), address
        self.assertEqual(sum(extent.len for extent in extents), len(memoryview(buffer).cast("B")))
        for extent in extents:
            self.assertEqual(extent.phys, page_tables_say(at))
            at += extent.len

    def test_names(self):
        self.assertEqual(backend, os.environ["EXPECTED"])
        self.assertEqual(".".join(map(str, pinned.version())), os.environ["VERSION"])
        for name in pinned.__all__:
            self.assertTrue(hasattr(pinned, name), name)

    def test_structures_are_those_of_the_header(self):
        with open(os.environ["HEADER"]) as file:
            header = file.read()
        for name, known in ("stats", pinned._Stats), ("heap_options", pinned._HeapOptions), ("extent", pinned.Extent):
            body = re.search(r"^struct pinned_%s \{(.*?)^\}" % name, header, re.M | re.S)[1]
            kinds = {"size_t": ctypes.c_size_t, "uint32_t": ctypes.c_uint32, "int32_t": ctypes.c_int32, "uint64_t": ctypes.c_uint64}
            members = [(member, kinds[kind]) for kind, member in re.findall(r"(\w+) (\w+);", body)]
            self.assertEqual(known._fields_, members[:len(known._fields_)])

    def test_buffers_of_all_kinds(self):
        block = pinned.alloc(10000)
        self.assertEqual(bytes(block), bytes(10000))
        self.translates(block)
        self.translates(block[100:200])
        self.translates(pinned.alloc(5 << 20))
        block[5:10] = b"hello"
        self.assertEqual(pinned.owns(address_of(block) + 5), True)
        if backend == "device":
            self.assertEqual(pinned.v2p(block[5:]), pinned.v2p(address_of(block) + 5))
        for outside in memoryview(mmap.mmap(-1, 4096)), mmap.mmap(-1, 4096):
            self.assertFalse(pinned.owns(outside))
            self.assertIsNone(pinned.v2p(outside))
            self.fails(errno.EFAULT, pinned.v2p_sg, outside)
            self.fails(errno.EFAULT, pinned.retain, outside)
        self.assertEqual(pinned.v2p_sg(block[:0]), [])
        self.assertIsNone(pinned.p2v(4096))

    @unittest.skipUnless(under_shim, "the program's own malloc")
    def test_the_programs_own_buffers(self):
        for buffer in bytearray(100000), array.array("d", [1.5] * 20000), numpy.ones(30000), bytearray(3 << 20):
            self.translates(buffer)
            with pinned.retain(buffer) as held:
                self.assertGreater(pinned.stats()["object_bytes"], 100000)
            self.fails(errno.EINVAL, lambda: pinned._release(held.address) and pinned._fail("release"))
        self.assertTrue(pinned.owns(b"x" * 100000))

    def test_bad_arguments(self):
        block = pinned.alloc(100)
        with self.assertRaises(TypeError):
            pinned.v2p("text")
        with self.assertRaises(TypeError):
            pinned.v2p_sg(address_of(block))
        for call in (lambda: pinned.v2p_sg(block, 101), lambda: pinned.v2p_sg(block, -1), lambda: pinned.v2p(-1), lambda: pinned.v2p(2**64),
                     lambda: pinned.p2v(2**64), lambda: pinned.alloc(-1), lambda: pinned.Heap(limit=2**64), lambda: pinned.Heap(node=-1)):
            self.assertRaises(ValueError, call)
        self.assertRaises((BufferError, ValueError), pinned.v2p, numpy.zeros((9, 9))[:, 3])
        self.fails(errno.EINVAL, pinned.alloc, 100, 24)
        self.fails(errno.EINVAL, pinned.Heap, memory_type=77)
        self.fails(errno.EINVAL, pinned.sync_for_device, block, 8)
        for size in 2**46, 2**63, 2**64 - 1:
            self.assertRaises(MemoryError, pinned.alloc, size)
        self.assertEqual(len(pinned.alloc(0)), 0)

    def test_memory_lives_as_long_as_it_is_used(self):
        heap = pinned.Heap(limit=8 << 20)
        self.assertEqual(heap.stats()["limit_bytes"], 8 << 20)
        part = heap.alloc(1 << 20)[1000:2000]
        part[:] = b"p" * 1000
        self.assertEqual(heap.stats()["object_bytes"], 1 << 20)
        self.assertRaises(MemoryError, heap.alloc, 16 << 20)
        numbers = heap.array((10, 20), "float64")
        self.assertEqual((numbers.shape, numbers.sum(), address_of(numbers) % 64), ((10, 20), 0, 0))
        self.translates(numbers)
        numbers += 1.5
        column = numbers[3]
        del numbers
        gc.collect()
        self.assertEqual(column.sum(), 30)
        del column
        gc.collect()
        self.assertEqual(heap.stats()["object_bytes"], 1 << 20)
        heap.close()
        heap.close()
        self.assertRaises(ValueError, heap.alloc, 1)
        self.assertRaises(ValueError, heap.stats)
        # The heap has gone, except for the one who has a part of its memory.
        self.assertEqual(bytes(part), b"p" * 1000)
        address = address_of(part)
        self.assertTrue(pinned.owns(address))
        del part
        gc.collect()
        self.assertFalse(pinned.owns(address))

    def test_heaps_in_a_with_block(self):
        with pinned.Heap() as heap, self.assertRaises(ZeroDivisionError):
            1 / len(heap.alloc(0))
        self.assertRaises(ValueError, heap.alloc, 1)

    def test_heaps_below_an_address(self):
        if backend != "device":
            self.fails(errno.EOPNOTSUPP, pinned.Heap, max_phys=2**32 - 1)
            return
        with pinned.Heap(max_phys=2**32 - 1, contiguous=True) as heap:
            block = heap.alloc(3 << 20)
            self.translates(block)
            self.assertLess(pinned.v2p(block), 2**32)
            self.assertEqual(len(pinned.v2p_sg(block)), 1)

    def test_retained_memory_stays(self):
        heap = pinned.Heap()
        block = heap.alloc(100000)
        block[:4] = b"keep"
        held = pinned.retain(address_of(block) + 50000)
        address, phys = address_of(block), pinned.v2p(block)
        del block
        gc.collect()
        self.assertEqual(ctypes.string_at(address, 4), b"keep")
        self.assertEqual(pinned.v2p(address), phys)
        self.assertEqual(heap.stats()["object_bytes"] > 0, True)
        held.release()
        held.release()
        self.assertEqual(heap.stats()["object_bytes"], 0)

    def test_retain_holds_the_buffer(self):
        block = pinned.alloc(5000)
        address = address_of(block)
        held = pinned.retain(block)
        del block
        gc.collect()
        self.assertEqual(pinned._retain(address), 0)  # an object that is live, and not only retained
        self.assertEqual(pinned._release(address), 0)
        del held
        gc.collect()
        self.assertEqual(pinned._release(address), -1)

    def test_syncs(self):
        block = pinned.alloc(5000)
        pinned.sync_for_device(block, pinned.DEVICE_READS | pinned.DEVICE_WRITES)
        pinned.sync_for_cpu(block, pinned.DEVICE_WRITES, 100)
        self.fails(errno.EFAULT, pinned.sync_for_cpu, mmap.mmap(-1, 4096), pinned.DEVICE_WRITES)

    def test_threads(self):
        heap, bad = pinned.Heap(), []

        def work(number):
            for i in range(200):
                block = heap.alloc(1 + i * 37 % 5000)
                block[0:1] = bytes([number])
                with pinned.retain(block):
                    if block[0] != number:
                        bad.append(number)
        workers = [threading.Thread(target=work, args=(number,)) for number in range(4)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        del workers
        gc.collect()
        self.assertEqual((bad, heap.stats()["object_bytes"]), ([], 0))

    def test_children(self):
        heap = pinned.Heap()
        block = heap.alloc(1000)
        block[:3] = b"abc"
        pid = os.fork()
        if pid == 0:
            mine = heap.alloc(1000)
            good = pinned.v2p(block) is None and bytes(block[:3]) == b"abc" and (backend != "device" or pinned.v2p(mine) is not None)
            del block, mine
            gc.collect()
            os._exit(0 if good else 1)
        self.assertEqual(os.waitpid(pid, 0)[1], 0)
        self.assertEqual(bytes(block[:3]), b"abc")
        self.assertGreaterEqual(pinned.purge(), 0)


unittest.main(argv=["try.py"])
SCENARIO

EXPECTED=${TEST_BACKEND:-anon} HEADER=$PINNED_SOURCE/include/pinned.h PYTHONPATH=$PINNED_SOURCE/src/python
VERSION=$(sed -n 's/^PACKAGE_VERSION="\(.*\)"/\1/p' "$PINNED_SOURCE/dkms.conf")
export EXPECTED HEADER PYTHONPATH VERSION PYTHONDONTWRITEBYTECODE=1
LD_LIBRARY_PATH=$PINNED_BUILD/lib PINNED_CONF=backend:$EXPECTED python3 try.py 2>alone || fail 'libpinned alone:' "$(cat alone)"
PYTHONMALLOC=malloc "${pinned[@]}" -- python3 try.py 2>shim || fail 'under the shim:' "$(cat shim)"
tail -qn 3 alone shim
grep -q '^OK (skipped=1)$' alone || fail 'not all tests ran alone'
grep -q '^OK$' shim || fail 'not all tests ran under the shim'
