# SPDX-License-Identifier: MIT
"""Figures in Prometheus' text format: of processes, by pid and program, and of the driver."""
import driver

# name, type, help, member of a heap's figures
HEAP = (
    ("chunk_bytes", "gauge", "Memory held from the backend.", "chunk_bytes"),
    ("peak_chunk_bytes", "gauge", "The most memory that was held.", "peak_chunk_bytes"),
    ("empty_chunk_bytes", "gauge", "Chunks that hold nothing and are kept.", "empty_chunk_bytes"),
    ("object_bytes", "gauge", "Bytes in objects, those in caches too.", "object_bytes"),
    ("cached_bytes", "gauge", "Bytes in free objects in caches.", "cached_bytes"),
    ("medium_bytes", "gauge", "Bytes in medium objects.", "medium_bytes"),
    ("large_bytes", "gauge", "Bytes in objects larger than a chunk.", "large_bytes"),
    ("raw_bytes", "gauge", "Bytes in raw chunks.", "raw_bytes"),
    ("populate_calls_total", "counter", "Requests to the backend.", "populate_calls"),
    ("punch_calls_total", "counter", "Times that memory went back.", "punch_calls"),
)
PROCESS = (
    ("quarantine_bytes", "gauge", "Bytes of freed objects that wait.", "quarantine_bytes"),
    ("retained_bytes", "gauge", "Bytes that were freed, but are retained.", "retained_bytes"),
    ("failed_allocs_total", "counter", "Allocations without memory.", "failed_allocs"),
    ("fallback_allocs_total", "counter", "Requests that libc served.", "fallback_allocs"),
    ("fallback_bytes_total", "counter", "Bytes of these.", "fallback_bytes"),
)


def escape(value):
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def labels(**values):
    return "{" + ",".join(f'{name}="{escape(str(value))}"' for name, value in values.items()) + "}"


def family(name, kind, about, samples):
    """The lines of a metric; none without samples."""
    if samples:
        yield f"# HELP {name} {about}"
        yield f"# TYPE {name} {kind}"
        for label, value in samples:
            yield f"{name}{label} {value}"


def of_process(dump):
    return labels(pid=dump["pid"], program=dump["program"], backend=dump["backend"])


def of_processes(dumps):
    for name, kind, about, member in PROCESS:
        samples = [(of_process(dump), dump[member]) for dump in dumps]
        yield from family(f"pinned_process_{name}", kind, about, samples)
    for name, kind, about, member in HEAP:
        samples = [
            (of_process(dump), sum(heap[member] for heap in dump["heaps"]))
            for dump in dumps
            if dump["heaps"]
        ]
        yield from family(f"pinned_process_{name}", kind, about, samples)


def of_driver():
    loaded = [("", int(driver.is_loaded()))]
    yield from family("pinned_mem_loaded", "gauge", "Whether the driver is loaded.", loaded)
    for name, value in driver.counters().items():
        about = driver.COUNTERS[name].capitalize() + "."
        yield from family(f"pinned_mem_{name}", "gauge", about, [("", value)])
    nodes = driver.node_counters()
    for name in ("reserve_chunks", "reserve_free_chunks"):
        there = {node: values[name] for node, values in nodes.items() if name in values}
        samples = [(labels(node=node), value) for node, value in there.items()]
        about = driver.COUNTERS[name].capitalize() + ", by NUMA node."
        yield from family(f"pinned_mem_node_{name}", "gauge", about, samples)


def metrics(dumps):
    yield from of_processes(dumps)
    yield from of_driver()
