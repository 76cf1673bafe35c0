# SPDX-License-Identifier: MIT
"""Draws the plots as PNG and SVG; without matplotlib, draws none."""
import os
import sys

BARS = [("suite", "wall", "time passed"), ("suite", "cpu", "processor time"), ("suite", "rss_kib", "peak memory"),
        ("suite", "faults", "page faults"), ("micro", "cpu_ns", "processor time"), ("touch", "cpu_ns", "time"),
        ("real", "wall", "time passed"), ("real", "cpu", "processor time"), ("real", "rss_kib", "peak memory"),
        ("real", "faults", "page faults")]
HELD = [("busy_after_peak", "512 MiB freed, then busy with three small sizes"),
        ("idle_threads", "1000 threads freed 1.9 MiB each and idle")]
COLOURS = {"pinned": "#c0392b", "jemalloc": "#2980b9", "mimalloc": "#27ae60", "tcmalloc": "#8e44ad",
           "two-level": "#2980b9", "radix": "#27ae60", "pagemap": "#7f8c8d", "dpdk": "#8e44ad"}


def save(pyplot, figure, out, name):
    for ending in ("png", "svg"):
        figure.savefig(os.path.join(out, f"{name}.{ending}"), dpi=110)
    pyplot.close(figure)


def bars(pyplot, ticker, results, group, figure, title):
    names = [name for name in results.allocators(group) if name != "glibc"]
    workloads = results.workloads(group) + ["geometric mean"]
    canvas, axes = pyplot.subplots(figsize=(2 + 0.7 * len(workloads), 4.5), layout="constrained")
    width = 0.8 / max(1, len(names))
    for index, name in enumerate(names):
        heights = [results.ratio(group, workload, name, figure) for workload in workloads[:-1]]
        heights = [height or 0 for height in heights + [results.mean_ratio(group, name, figure)]]
        axes.bar([x + (index + 0.5) * width - 0.4 for x in range(len(workloads))], heights, width, label=name,
                 color=COLOURS.get(name))
    axes.axhline(1, color="black", linewidth=0.8)
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(ticker.LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter(ticker.FormatStrFormatter("%g"))
    axes.yaxis.set_minor_locator(ticker.NullLocator())
    axes.grid(axis="y", alpha=0.3)
    axes.set_axisbelow(True)
    axes.set_xticks(range(len(workloads)), workloads, rotation=45, ha="right")
    axes.set_ylabel("ratio to glibc, lower is better")
    axes.set_title(f"{group}: {title}")
    axes.legend(fontsize="small")
    return canvas


def lines(pyplot, title, xlabel, series):
    """Draws lines. @series: (name, [(x, y)])."""
    canvas, axes = pyplot.subplots(figsize=(7, 4.5), layout="constrained")
    for name, points in series:
        points = [(x, y) for x, y in points if y]
        axes.plot([x for x, _ in points], [y for _, y in points], marker="o", label=name, color=COLOURS.get(name))
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    axes.set_xlabel(xlabel)
    axes.set_ylabel("nanoseconds")
    axes.set_title(title)
    axes.legend(fontsize="small")
    axes.grid(alpha=0.3)
    return canvas


def v2p_series(results):
    sizes = results.workloads("v2p")
    return [(way, [(int(size[:-3]), results.median("v2p", size, way, "cpu_ns")) for size in sizes])
            for way in results.allocators("v2p")]


def bounce_series(results):
    sizes = results.allocators("bounce")
    return [(name, [(int(size), results.median("bounce", "copy", size, figure)) for size in sizes])
            for name, figure in (("copy", "copy_ns"), ("pinned_v2p", "v2p_ns"), ("in place", "reach_ns"))]


def held_series(results, workload):
    """Returns [(allocator, [(seconds after the peak, MiB)])]."""
    prefix, moments = "held_mib_after_", []
    for key in results.values:
        if key[:2] == ("edges", workload) and key[3].startswith(prefix) and key[3] not in moments:
            moments.append(key[3])
    return [(name, [(float(moment[len(prefix):-1]), results.median("edges", workload, name, moment))
                    for moment in moments]) for name in results.allocators("edges")]


def held(pyplot, title, series):
    canvas, axes = pyplot.subplots(figsize=(7, 4.5), layout="constrained")
    for name, points in series:
        axes.plot([x for x, _ in points], [y for _, y in points], marker="o", label=name, color=COLOURS.get(name))
    axes.set_yscale("log")
    axes.set_xlabel("seconds after the peak")
    axes.set_ylabel("resident MiB")
    axes.set_title(title)
    axes.legend(fontsize="small")
    axes.grid(alpha=0.3)
    return canvas


def find_pyplot():
    """Returns pyplot and ticker, or None and None."""
    try:
        import matplotlib
        matplotlib.use("Agg")
        from matplotlib import pyplot, ticker
    except ImportError:
        print("bench: no plots: python3-matplotlib is not installed", file=sys.stderr)
        return None, None
    return pyplot, ticker


def write(results, out):
    pyplot, ticker = find_pyplot()
    if not pyplot:
        return
    for group, figure, title in BARS:
        if group in results.groups() and len(results.allocators(group)) > 1:
            save(pyplot, bars(pyplot, ticker, results, group, figure, title), out, f"{group}-{figure}")
    for workload, title in HELD:
        if workload in results.workloads("edges"):
            save(pyplot, held(pyplot, title, held_series(results, workload)), out, workload)
    if "v2p" in results.groups():
        save(pyplot, lines(pyplot, "translation of random addresses", "size of the range, MiB", v2p_series(results)),
             out, "v2p")
    if "bounce" in results.groups():
        save(pyplot, lines(pyplot, "what a bounce copy costs", "bytes", bounce_series(results)), out, "bounce")
