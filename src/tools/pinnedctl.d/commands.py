# SPDX-License-Identifier: MIT
"""The commands of pinnedctl: each answers in lines for people, and as data for programs.

A command returns an Answer. Its lines may be produced one by one, while the command runs.
"""
import json
from collections import namedtuple

import check as system_check
import configuration
import containers
import driver
import figures
import flame
import memory
import picture
import preload as system_preload
import prometheus
import readings
import selftest as system_selftest
import tables
import units
from system_files import at
from trouble import Trouble

# data: what --json prints; lines: an iterable of the lines that are printed without --json;
# troubles: errors that are printed at the end.
Answer = namedtuple("Answer", "data lines troubles", defaults=((),))


def messages(lines):
    """Returns the answer of a command that describes its actions in words."""
    lines = list(lines)
    return Answer({"messages": lines}, lines)


def stats(options):
    found, troubles = readings.of_pids(options.pid)
    lines = (line for reading in found for line in tables.of_process(reading))
    dumps = [reading.dump for reading in found]
    return Answer(dumps[0] if len(options.pid) == 1 and dumps else dumps, lines, troubles)


def chunk_map(options):
    with memory.watched(options.pid) as process:
        lines = list(picture.draw(process))
        data = {"pid": options.pid, "chunks": list(figures.chunk_dump(process))}
        arena = process.address("arena")
        base, shift = process.member(arena, "pn_arena.base"), process.layout.constant("chunk_shift")
        for chunk in data["chunks"]:
            chunk["address"] = f"{base + (chunk['slot'] << shift):x}"
    return Answer(data, lines)


def metrics(options):
    """Shows figures. Without @pids, of all processes; one with another library version is only counted."""
    found, troubles = readings.of_pids(options.pid) if options.pid else readings.of_all()
    lines = list(prometheus.metrics(found, troubles))
    return Answer([reading.dump for reading in found], lines, troubles if options.pid else ())


def flames(options):
    if options.source.isdecimal():
        with memory.watched(int(options.source)) as process:
            profile = flame.profile_of_process(process)
    else:
        profile = flame.profile_of_file(options.source)
    lines = list(flame.folded(profile))
    data = [line.rpartition(" ") for line in lines]
    return Answer(
        [{"stack": stack.split(";"), "bytes": int(size)} for stack, _, size in data], lines
    )


def v2p(options):
    with memory.watched(options.pid) as process:
        answer = figures.v2p(process, options.address)
    data = {"pid": options.pid, "virtual": f"{options.address:#x}", "physical": f"{answer:#x}"}
    return Answer(data, [f"{answer:#x}"])


# The driver.


def counter_line(name, value):
    about = driver.COUNTERS[name]
    size = units.size(value * driver.metric_of(name)[2])
    return f"{name:<22}{value:>9}{size:>8}  {about}"


def status(_):
    driver.must_be_loaded()
    counters, nodes = driver.counters(), driver.node_counters()
    lines = [f"driver       loaded, version {driver.version()}"]
    lines += [counter_line(name, value) for name, value in counters.items()]
    for node, values in nodes.items():
        size, free = (units.chunks(values.get(name, 0)) for name in driver.NODE_COUNTERS)
        lines.append(f"node {node}: reserve of {size}, free {free}")
    return Answer({"version": driver.version(), "counters": counters, "nodes": nodes}, lines)


def limits(options):
    driver.must_be_loaded()
    about = driver.descriptions(options.data_dir)
    data, lines = {}, []
    for name, value in driver.parameters().items():
        data[name] = {"value": value, "help": about.get(name)}
        lines.append(f"{name:<20} {driver.value_text(name, value)}")
        if name in about:
            lines.append(f"    {about[name]}")
    return Answer(data, lines)


def reserve(options):
    driver.must_be_loaded()
    values = driver.reserve_of(options.node)
    if options.chunks is not None:
        sign, count = options.chunks
        before = values["reserve_chunks"]
        wanted = {"": count, "+": before + count, "-": before - count}[sign]
        if wanted < 0:
            raise Trouble(f"the reserve has {units.chunks(before)}, which is less than that")
        driver.resize_reserve(wanted, options.node)
        values = driver.reserve_of(options.node)
    size, free = (units.chunks(values[name]) for name in driver.NODE_COUNTERS)
    return Answer(values, [f"{size}, {free} free"])


# The system.


def check(options):
    reader = configuration.Reader(options.libexec_dir, at(configuration.PATH))
    found = list(system_check.findings(reader, options.preload_dir))
    faults = system_check.count_faults(found)
    troubles = [Trouble(f"faults: {faults}")] if faults else ()
    return Answer([item._asdict() for item in found], map(system_check.line_of, found), troubles)


def selftest(options):
    """Runs tests and prints each result at once; --json needs all of them first."""
    driver.must_be_loaded()
    programs = system_selftest.Programs(options.libexec_dir, options.preload_dir)
    names = system_selftest.choose(programs, options.test)
    data = {"machine": system_selftest.machine(), "tests": [], "figures": {}}
    troubles = []

    def run():
        yield from system_selftest.machine_lines(data["machine"])
        for item in system_selftest.run_tests(programs, names):
            data["tests"].append(item)
            yield system_selftest.line_of(item)
        if not options.test:
            for name, nanoseconds in system_selftest.measure(programs):
                data["figures"][name] = nanoseconds
                yield system_selftest.figure_line(name, nanoseconds)
        troubles.extend(system_selftest.conclusions(data["tests"]))

    lines = list(run()) if options.json else run()
    return Answer(data, lines, troubles)


def cdi(options):
    data = containers.specification(options.preload_dir)
    return Answer(data, [json.dumps(data, indent=2)])


def config_check(options):
    reader = configuration.Reader(options.libexec_dir, options.file)
    found = list(configuration.findings(reader))
    data = [{"kind": word, "line": line, "text": text} for word, line, text in found]
    if not options.json:
        sections = configuration.tell(reader, found)
        return Answer(data, [f"{options.file}: {sections} sections, no errors"])
    errors = configuration.count_errors(found)
    return Answer(data, [], [configuration.errors_trouble(reader, errors)] if errors else ())


def config_show(options):
    reader = configuration.Reader(options.libexec_dir, options.file)
    return messages(configuration.show(reader, options.program, options.cgroup, options.user))


def preload(options):
    if options.action in ("on", "test"):
        library = system_preload.find_library(options.preload_dir, options.library)
        run = system_preload.on if options.action == "on" else system_preload.test
        lines = run(library)
    else:
        lines = system_preload.off() if options.action == "off" else system_preload.status()
    return messages(lines) if options.json else Answer(None, lines)
