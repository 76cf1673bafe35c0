# SPDX-License-Identifier: MIT
"""Writes the tables, in Markdown that is readable as it is, the summary line, and the line for programs."""
import json
import math

TITLES = {
    "suite": "Workloads known from the literature on allocators",
    "micro": "One pattern at a time",
    "touch": "The first word of 512 live objects, touched in turn",
    "edges": "Large objects, worst calls, and memory after a peak",
    "real": "Real programs",
    "passthrough": "A program that the shim passes through",
    "v2p": "Translation of random addresses, by the size of the range",
    "bounce": "Copying a buffer into a bounce buffer, and translating its address instead",
}
FIGURES = {
    "wall": ("time passed", "ms", 1e3),
    "cpu": ("processor time", "ms", 1e3),
    "rss_kib": ("peak memory", "MiB", 1 / 1024),
    "faults": ("page faults", "thousands", 1e-3),
    "cpu_ns": ("processor time for each operation", "ns", 1),
}
SHOWN = {"suite": ("wall", "cpu", "rss_kib", "faults"), "real": ("wall", "cpu", "rss_kib", "faults"),
         "micro": ("cpu_ns", "rss_kib"), "touch": ("cpu_ns",), "passthrough": ("cpu", "cpu_ns")}
# The figures in the last line, apart from translation: key, group, figure.
SUMMARY = [("time/glibc", "suite", "wall"), ("rss/glibc", "suite", "rss_kib"), ("cpu/glibc", "suite", "cpu"),
           ("faults/glibc", "suite", "faults"), ("micro/glibc", "micro", "cpu_ns"), ("touch/glibc", "touch", "cpu_ns"),
           ("real/glibc", "real", "wall"), ("real_cpu/glibc", "real", "cpu"), ("real_rss/glibc", "real", "rss_kib")]


def number(value, digits=2):
    if value is None or value != value:
        return "-"
    return f"{value:.{digits}f}" if value < 1000 else f"{value:.0f}"


def layout(rows):
    """Returns rows of cells, of which the first is the heading, as an aligned table."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = ["| " + " | ".join(cell.ljust(width) if i == 0 else cell.rjust(width)
                               for i, (cell, width) in enumerate(zip(row, widths))) + " |" for row in rows]
    rule = "|" + "|".join("-" * (width + 2) if i == 0 else "-" * (width + 1) + ":"
                          for i, width in enumerate(widths)) + "|"
    return "\n".join([lines[0], rule] + lines[1:])


def ratios(results, group, figure):
    """Returns glibc's median, and the ratios of the other allocators to it."""
    title, unit, factor = FIGURES[figure]
    others = [name for name in results.allocators(group) if name != "glibc"]
    rows = [["workload", f"glibc, {unit}"] + others]
    for workload in results.workloads(group):
        base = results.median(group, workload, "glibc", figure)
        if base is not None:
            rows.append([workload, number(base * factor)] +
                        [number(results.ratio(group, workload, name, figure)) for name in others])
    if len(rows) == 1:
        return ""
    rows.append(["geometric mean", ""] + [number(results.mean_ratio(group, name, figure), 3) for name in others])
    return f"{title.capitalize()}, ratio to glibc's:\n\n{layout(rows)}\n"


def nanoseconds(results, group, figure):
    """Returns a table of the medians in nanoseconds."""
    names = results.allocators(group)
    rows = [["workload"] + names]
    for workload in results.workloads(group):
        medians = [results.median(group, workload, name, figure) for name in names]
        if None not in medians:
            rows.append([workload] + [number(median) for median in medians])
    return f"{FIGURES[figure][0].capitalize()}, ns:\n\n{layout(rows)}\n" if len(rows) > 1 else ""


def scaling_ratios(results):
    """Returns {row: {allocator: throughput of two threads divided by that of one}} of rows with threads."""
    pairs = [("suite", name[:-1] + "1", name, "per_s", False) for name in results.workloads("suite")
             if name.endswith("-2")]
    pairs += [("micro", name + "1", name + "2", "wall_ns", True) for name in ("threads", "medium")]
    found = {}
    for group, one, two, figure, is_time in pairs:
        for name in results.allocators(group):
            ratio = results.ratio_between(group, *((two, one) if is_time else (one, two)), name, figure)
            if ratio:
                found.setdefault(two, {})[name] = ratio
    return found


def mean(values):
    return math.exp(sum(map(math.log, values)) / len(values)) if values else None


def scaling_means(ratios):
    names = dict.fromkeys(name for row in ratios.values() for name in row)
    return {name: mean([row[name] for row in ratios.values() if name in row]) for name in names}


def scaling(results):
    ratios = scaling_ratios(results)
    if not ratios:
        return ""
    means = scaling_means(ratios)
    rows = [["workload"] + list(means)]
    rows += [[workload] + [number(row.get(name)) for name in means] for workload, row in ratios.items()]
    rows.append(["geometric mean"] + [number(value, 3) for value in means.values()])
    return f"## Throughput of two threads, divided by that of one\n\n{layout(rows)}\n"


def edges(results):
    names = results.allocators("edges")
    rows = [["case", "figure"] + names]
    for workload in results.workloads("edges"):
        figures = dict.fromkeys(key[3] for key in results.values if key[:2] == ("edges", workload))
        rows += [[workload, figure] + [number(results.median("edges", workload, name, figure)) for name in names]
                 for figure in figures]
    return layout(rows) + "\n"


def v2p(results):
    ways = results.allocators("v2p")
    rows = [["range"] + [f"{way}, ns" for way in ways]]
    for size in results.workloads("v2p"):
        rows.append([size] + [number(results.median("v2p", size, way, "cpu_ns")) for way in ways])
    return layout(rows) + "\n"


def bounce(results):
    """Returns a table that compares a copy with the calls for a buffer in place: retain, translate, release."""
    rows = [["bytes", "copy, ns", "pinned_v2p, ns", "copy / v2p", "in place, ns", "copy / in place"]]
    for size in results.allocators("bounce"):
        copy, look, reach = (results.median("bounce", "copy", size, figure)
                             for figure in ("copy_ns", "v2p_ns", "reach_ns"))
        rows.append([size, number(copy), number(look), number(copy / look if look else None), number(reach),
                     number(copy / reach if reach else None)])
    return layout(rows) + "\n"


def section(results, group):
    if group == "v2p":
        body = [v2p(results)]
    elif group == "bounce":
        body = [bounce(results)]
    elif group == "edges":
        body = [edges(results)]
    else:
        body = [table(results, group, figure) for figure in SHOWN[group]
                for table in ((nanoseconds, ratios) if figure.endswith("_ns") else (ratios,))]
    return "\n".join([f"## {TITLES[group]}: {group}\n"] + [text for text in body if text])


def write(results, path):
    """Writes all tables to the file @path. Returns the text."""
    machine = results.machine
    text = "\n".join([f"# Linux {machine['kernel']}, {machine['machine']}, {machine['cpus']} processors\n"] +
                     [section(results, group) for group in results.groups()] + [scaling(results)])
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return text


def translations(results):
    """Returns the costs for the largest range, and how much more the library costs there than for the smallest."""
    sizes = results.workloads("v2p")
    if not sizes:
        return []
    words = []
    for way in results.allocators("v2p"):
        words.append(f"v2p_ns.{way}={number(results.median('v2p', sizes[-1], way, 'cpu_ns'))}")
    flat = results.ratio_between("v2p", sizes[-1], sizes[0], "pinned", "cpu_ns")
    return words + [f"v2p_flat.pinned={number(flat)}"]


def summary(results):
    words = []
    for key, group, figure in SUMMARY:
        for name in results.allocators(group):
            ratio = results.mean_ratio(group, name, figure)
            if name != "glibc" and ratio:
                words.append(f"{key}.{name}={ratio:.2f}")
    words += [f"scale.{name}={value:.2f}" for name, value in scaling_means(scaling_ratios(results)).items()]
    for figure, name in (("cpu", "programs"), ("cpu_ns", "operations")):
        ratio = results.mean_ratio("passthrough", "passthrough", figure)
        if ratio:
            words.append(f"passthrough/glibc.{name}={ratio:.3f}")
    return "bench: " + " ".join(words + translations(results))


def for_programs(results):
    """Returns one line of JSON: the machine, the means that summary() prints, and all medians."""
    means = {key: {name: results.mean_ratio(group, name, figure) for name in results.allocators(group)}
             for key, group, figure in SUMMARY if group in results.groups()}
    ratios = scaling_ratios(results)
    return json.dumps({"machine": results.machine, "means": means | {"scale": scaling_means(ratios)},
                       "scaling": ratios, "rows": results.rows()}, separators=(",", ":"))
