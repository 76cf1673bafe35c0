# SPDX-License-Identifier: MIT
"""Memory that a device can reach by physical address: libpinned for Python.

    import pinned

    with pinned.Heap(max_phys=0xFFFFFFFF) as heap:
        block = heap.alloc(4096)
        block[0:5] = b"hello"
        with pinned.retain(block):
            start_the_device(pinned.v2p(block))

Wherever a function takes `what`, it accepts an address as an int, or any object with the buffer
protocol: bytes, bytearray, memoryview, mmap, array.array, a numpy array. The buffer must be
contiguous in memory. The module calls the instance of libpinned that serves the program's malloc, if Python
runs under pinned-run.

A call that fails raises OSError with the errno that pinned(7) and the manual page of the function
name; an allocation that fails raises MemoryError. Functions may be called from any thread.
"""
import ctypes
import errno
import os
import sys
import weakref

__all__ = [
    "CHUNK_SIZE", "COHERENT", "UNCACHED", "WRITE_COMBINE", "CACHED", "DEVICE_READS", "DEVICE_WRITES",
    "Extent", "Heap", "alloc", "backend", "owns", "p2v", "purge", "retain", "stats", "sync_for_cpu",
    "sync_for_device", "v2p", "v2p_sg", "version",
]

CHUNK_SIZE = 2 << 20
COHERENT, UNCACHED, WRITE_COMBINE, CACHED = range(4)
DEVICE_READS, DEVICE_WRITES = 1, 2
_HEAP_NODE, _HEAP_CONTIGUOUS = 1, 2
_NO_PHYS = 2**64 - 1


class Extent(ctypes.Structure):
    """A physically contiguous range: `phys` is the address of its first byte, `len` its bytes."""
    _fields_ = [("phys", ctypes.c_uint64), ("len", ctypes.c_uint64)]

    def __repr__(self):
        return f"Extent(phys={self.phys:#x}, len={self.len})"


class _Stats(ctypes.Structure):
    _fields_ = [("size", ctypes.c_size_t)] + [(name, ctypes.c_uint64) for name in (
        "arena_bytes", "chunk_bytes", "peak_chunk_bytes", "empty_chunk_bytes", "object_bytes",
        "cached_bytes", "large_bytes", "populate_calls", "punch_calls", "failed_allocs",
        "retained_bytes", "limit_bytes", "quarantine_bytes")]


class _HeapOptions(ctypes.Structure):
    _fields_ = [("size", ctypes.c_size_t), ("flags", ctypes.c_uint32), ("memory_type", ctypes.c_uint32),
                ("node", ctypes.c_int32), ("reserved", ctypes.c_uint32), ("max_phys", ctypes.c_uint64),
                ("limit", ctypes.c_uint64)]


class _Buffer(ctypes.Structure):
    """Py_buffer of Python's C interface."""
    _fields_ = [("buf", ctypes.c_void_p), ("obj", ctypes.py_object), ("len", ctypes.c_ssize_t),
                ("itemsize", ctypes.c_ssize_t), ("readonly", ctypes.c_int), ("ndim", ctypes.c_int),
                ("format", ctypes.c_char_p), ("shape", ctypes.c_void_p), ("strides", ctypes.c_void_p),
                ("suboffsets", ctypes.c_void_p), ("internal", ctypes.c_void_p)]


_library = ctypes.CDLL("libpinned.so.1", use_errno=True)
_pointer, _size = ctypes.c_void_p, ctypes.c_size_t


def _declare(name, result, *arguments):
    function = getattr(_library, "pinned_" + name)
    function.restype, function.argtypes = result, arguments
    return function


_version = _declare("version", ctypes.c_uint)
_backend = _declare("backend", ctypes.c_char_p)
_v2p = _declare("v2p", ctypes.c_uint64, _pointer)
_v2p_sg = _declare("v2p_sg", ctypes.c_long, _pointer, _size, _pointer, _size)
_p2v = _declare("p2v", _pointer, ctypes.c_uint64)
_owns = _declare("owns", ctypes.c_int, _pointer)
_retain = _declare("retain", ctypes.c_int, _pointer)
_release = _declare("release", ctypes.c_int, _pointer)
_free = _declare("free", None, _pointer)
_purge = _declare("purge", _size)
_stats = _declare("stats", ctypes.c_int, _pointer)
_sync_for_device = _declare("sync_for_device", ctypes.c_int, _pointer, _size, ctypes.c_uint)
_sync_for_cpu = _declare("sync_for_cpu", ctypes.c_int, _pointer, _size, ctypes.c_uint)
_heap_create = _declare("heap_create", _pointer, _pointer)
_heap_destroy = _declare("heap_destroy", ctypes.c_int, _pointer)
_heap_calloc = _declare("heap_calloc", _pointer, _pointer, _size, _size)
_heap_memalign = _declare("heap_memalign", _pointer, _pointer, _size, _size)
_heap_stats = _declare("heap_stats", ctypes.c_int, _pointer, _pointer)
_get_buffer = ctypes.pythonapi.PyObject_GetBuffer
_get_buffer.argtypes = ctypes.py_object, ctypes.POINTER(_Buffer), ctypes.c_int
_release_buffer = ctypes.pythonapi.PyBuffer_Release
_release_buffer.argtypes, _release_buffer.restype = [ctypes.POINTER(_Buffer)], None


def _fail(name):
    number = ctypes.get_errno()
    raise OSError(number, os.strerror(number), "pinned_" + name)


def _at_end(owner, function, *arguments):
    """Calls the function when `owner` is collected; not at exit, when others may still use memory."""
    end = weakref.finalize(owner, function, *arguments)
    end.atexit = False
    return end


def _checked(what, value, most=2**64 - 1):
    """Returns the integer, which ctypes would cut off if it were too large."""
    if not 0 <= value <= most:
        raise ValueError(f"{what}: {value} is not between 0 and {most}")
    return value


class _View:
    """Holds the buffer of `what`, whose owner cannot move or free it meanwhile."""

    def __init__(self, what):
        self._buffer = None
        if isinstance(what, int):
            self.address, self.len = _checked("address", what, 2 * sys.maxsize + 1), None
            return
        buffer = _Buffer()
        _get_buffer(what, ctypes.byref(buffer), 0)  # PyBUF_SIMPLE: raises unless contiguous
        self._buffer = buffer
        self.address, self.len = buffer.buf or 0, buffer.len

    def close(self):
        if self._buffer is not None:
            buffer, self._buffer = self._buffer, None
            _release_buffer(ctypes.byref(buffer))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def length(self, given):
        """Returns the bytes that a call is about, of which the buffer must consist."""
        if given is None:
            given = self.len
        if given is None:
            raise TypeError("an address needs a length")
        return _checked("length", given, 2 * sys.maxsize + 1 if self.len is None else self.len)


def version():
    """Returns the version of the library as (major, minor, patch)."""
    number = _version()
    return number >> 16, number >> 8 & 0xFF, number & 0xFF


def backend():
    """Returns the name of the backend: device, hugetlb, anon or none."""
    return _backend().decode()


def owns(what):
    """Returns True if the first byte of `what` is in libpinned's memory."""
    with _View(what) as view:
        return bool(_owns(view.address))


def v2p(what):
    """Returns the physical address of the first byte of `what`, or None if it has none."""
    with _View(what) as view:
        address = _v2p(view.address)
    return None if address == _NO_PHYS else address


def v2p_sg(what, length=None):
    """Returns the physical extents of `what` as a list of Extent; raises OSError (EFAULT) if a byte
    has no physical address. `length` limits the range, and is needed for an address."""
    with _View(what) as view:
        length = view.length(length)
        room = 4
        while True:
            extents = (Extent * room)()
            count = _v2p_sg(view.address, length, extents, room)
            if count < 0:
                _fail("v2p_sg")
            if count <= room:
                return list(extents[:count])
            room = count


def p2v(phys):
    """Returns the virtual address whose physical address is `phys`, or None."""
    return _p2v(_checked("phys", phys))


def purge():
    """Gives empty chunks back to the backend now, and returns their bytes."""
    return _purge()


def _read_stats(call, *arguments):
    figures = _Stats(ctypes.sizeof(_Stats))
    if call(*arguments, ctypes.byref(figures)):
        _fail("stats")
    return {name: getattr(figures, name) for name, _ in _Stats._fields_[1:]}


def stats():
    """Returns the figures of the process as a dict; pinned_stats(3) describes them."""
    return _read_stats(_stats)


def _sync(call, name, what, directions, length):
    with _View(what) as view:
        if call(view.address, view.length(length), _checked("directions", directions, 2**32 - 1)):
            _fail(name)


def sync_for_device(what, directions, length=None):
    """Makes what the CPU has written visible to the device. `directions`: DEVICE_READS, DEVICE_WRITES."""
    _sync(_sync_for_device, "sync_for_device", what, directions, length)


def sync_for_cpu(what, directions, length=None):
    """Makes what the device has written visible to the CPU."""
    _sync(_sync_for_cpu, "sync_for_cpu", what, directions, length)


class retain:
    """Keeps the object that contains `what` in its place, also if Python frees the object.

    The memory keeps its content and its physical address until release(), the end of a with block,
    or the end of the retain object. Meanwhile the buffer is exported, so that a bytearray cannot be
    resized either, unless `what` is an address. Raises OSError: EFAULT if `what` is not in an object
    of libpinned, ENOBUFS if retain_limit is reached.
    """

    def __init__(self, what):
        self._view = _View(what)
        self._end = None
        if _retain(self._view.address):
            number = ctypes.get_errno()
            self._view.close()
            ctypes.set_errno(number)
            _fail("retain")
        self.address = self._view.address
        self._end = _at_end(self, self._undo, self._view, self.address)

    @staticmethod
    def _undo(view, address):
        view.close()
        _release(address)

    def release(self):
        """Undoes the call. A second release does nothing."""
        self._end()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.release()


class _Owner:
    """A heap of the library, which goes when neither a Heap nor a buffer refers to it."""

    def __init__(self, options):
        self.heap = None
        if options is None:
            return  # the default heap
        self.heap = _heap_create(ctypes.byref(options))
        if not self.heap:
            _fail("heap_create")
        _at_end(self, _heap_destroy, self.heap)

    def alloc(self, size, alignment):
        """Returns zeroed memory as a memoryview. The memory is freed when nothing refers to it."""
        if _checked("size", size) > sys.maxsize:
            raise MemoryError(f"no {size} bytes of pinned memory")
        aligned = _checked("alignment", alignment, sys.maxsize) != 16
        address = _heap_memalign(self.heap, alignment, size) if aligned else _heap_calloc(self.heap, 1, size)
        if not address:
            if ctypes.get_errno() == errno.ENOMEM:
                raise MemoryError(f"no {size} bytes of pinned memory")
            _fail("heap_memalign")
        if aligned:
            ctypes.memset(address, 0, size)
        array = (ctypes.c_uint8 * size).from_address(address)
        array._owner = self
        _at_end(array, _free, address)
        return memoryview(array).cast("B")


class Heap:
    """A heap with memory of its own; pinned_heap_create(3) describes the options.

    After close(), or after a with block, the heap gives out no buffers any more, and goes when
    nothing refers to its buffers.
    """

    def __init__(self, *, memory_type=COHERENT, node=None, max_phys=0, limit=0, contiguous=False):
        flags = (_HEAP_CONTIGUOUS if contiguous else 0) | (0 if node is None else _HEAP_NODE)
        self._owner = _Owner(_HeapOptions(
            size=ctypes.sizeof(_HeapOptions), memory_type=_checked("memory_type", memory_type, 2**32 - 1),
            max_phys=_checked("max_phys", max_phys), limit=_checked("limit", limit), flags=flags,
            node=_checked("node", node or 0, 2**31 - 1)))

    def alloc(self, size, alignment=16):
        """Returns a memoryview of `size` zero bytes. Raises MemoryError, or OSError (EINVAL) if the
        alignment is not a power of two."""
        return self._open().alloc(size, alignment)

    def array(self, shape, dtype="uint8", alignment=64):
        """Returns a numpy array of zeros in the heap. Raises as alloc()."""
        import numpy
        kind = numpy.dtype(dtype)
        shape = (shape,) if isinstance(shape, int) else tuple(shape)
        size = kind.itemsize
        for length in shape:
            size *= length
        return numpy.ndarray(shape, kind, self.alloc(size, alignment))

    def stats(self):
        """Returns the figures of the heap as a dict."""
        return _read_stats(_heap_stats, self._open().heap)

    def _open(self):
        if self._owner is None:
            raise ValueError("the heap is closed")
        return self._owner

    def close(self):
        """Lets go of the heap. A second close does nothing."""
        self._owner = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


_default = _Owner(None)


def alloc(size, alignment=16):
    """Returns a memoryview of `size` zero bytes in the default heap. Raises as Heap.alloc()."""
    return _default.alloc(size, alignment)
