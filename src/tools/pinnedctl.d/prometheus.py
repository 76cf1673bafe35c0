# SPDX-License-Identifier: MIT
"""Figures in Prometheus' text format: of processes, and of the driver.

Names, units and help of processes' figures are those of the table that their library has. As
Prometheus' conventions ask for, sizes are in bytes, and counters end in _total.
"""
import driver
import memory
import readings


def escape(value):
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def labels(**values):
    return "{" + ",".join(f'{name}="{escape(str(value))}"' for name, value in values.items()) + "}"


def family(name, kind, about, samples):
    """Yields the lines of a metric; none without samples."""
    if samples:
        yield f"# HELP {name} {about}."
        yield f"# TYPE {name} {kind}"
        for label, value in samples:
            yield f"{name}{label} {value}"


def labels_of(reading):
    dump = reading.dump
    return labels(
        pid=dump["pid"], program=dump["program"], user=reading.user, backend=dump["backend"]
    )


def exported(table):
    """Returns the figures that are metrics: a process's, and those of heaps that can be summed."""
    own = {figure.name for figure in table if figure.scope == "process"}
    for figure in table:
        is_sum = figure.scope == "heap" and figure.kind != "setting" and figure.name not in own
        if figure.scope == "process" or is_sum:
            yield figure
    yield readings.LIVE


def metric_of(figure):
    """Returns (name, type)."""
    if figure.kind == "counter":
        return f"pinned_process_{figure.name}_total", "counter"
    return f"pinned_process_{figure.name}", "gauge"


def of_processes(found):
    """Libraries of different versions may have different tables; each metric is described once."""
    families = {}
    for reading in found:
        for figure in exported(reading.table):
            value = readings.value(reading.dump, figure.name)
            if value is not None:
                about, samples = families.setdefault(metric_of(figure), (figure.help, []))
                samples.append((labels_of(reading), value))
    for (name, kind), (about, samples) in families.items():
        yield from family(name, kind, about, samples)


def of_scan(found, troubles):
    other = sum(isinstance(trouble, memory.OtherVersion) for trouble in troubles)
    samples = [
        (labels(state="read"), len(found)),
        (labels(state="other_version"), other),
        (labels(state="not_readable"), len(troubles) - other),
    ]
    yield from family("pinned_processes", "gauge", "Processes that use the library", samples)


def of_driver():
    loaded = [("", int(driver.is_loaded()))]
    yield from family("pinned_mem_loaded", "gauge", "Whether the driver is loaded", loaded)
    if driver.is_loaded():
        version = [(labels(version=driver.version()), 1)]
        yield from family("pinned_mem_info", "gauge", "The version of the driver", version)
    for name, value in driver.counters().items():
        metric, about, factor = driver.metric_of(name)
        yield from family(metric, "gauge", about, [("", value * factor)])
    for name, value in driver.limits().items():
        metric, about, factor = driver.metric_of(name)
        yield from family(metric, "gauge", about, [("", value * factor)])
    nodes = driver.node_counters()
    for name in driver.NODE_COUNTERS:
        there = {node: values[name] for node, values in nodes.items() if name in values}
        metric, about, factor = driver.metric_of(name)
        samples = [(labels(node=node), value * factor) for node, value in there.items()]
        metric = metric.replace("pinned_mem_", "pinned_mem_node_")
        yield from family(metric, "gauge", f"{about}, by NUMA node", samples)


def metrics(found, troubles):
    yield from of_processes(found)
    yield from of_scan(found, troubles)
    yield from of_driver()
