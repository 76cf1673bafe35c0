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
MEAN = "geometric mean"
# Bars of more workloads continue in another row.
IN_ROW = 12
# Each series always looks the same: colours that people with any colour vision tell apart and whose
# brightness differs, so that they differ in grey too; a hatch for bars; a marker for lines.
LOOKS = {"pinned": ("#000000", "", "o"), "jemalloc": ("#56b4e9", "//", "s"), "mimalloc": ("#d55e00", "..", "^"),
         "pinned-fine": ("#cc79a7", "++", "X"),
         "tcmalloc": ("#dcc800", "xx", "D"), "glibc": ("#7f7f7f", "--", "v"), "dpdk": ("#009e73", "\\\\", "P"),
         "two-level": ("#56b4e9", "", "s"), "radix": ("#d55e00", "", "^"), "pagemap": ("#7f7f7f", "", "v"),
         "copy": ("#d55e00", "", "^"), "pinned_v2p": ("#000000", "", "o"), "in place": ("#56b4e9", "", "s")}
SPARE = [("#0072b2", "oo", "*"), ("#999933", "**", "p")]


def look(name):
    """Returns colour, hatch and marker of a series."""
    return LOOKS.get(name) or SPARE[sum(map(ord, name)) % len(SPARE)]


def save(pyplot, figure, out, name):
    for ending in ("png", "svg"):
        figure.savefig(os.path.join(out, f"{name}.{ending}"), dpi=110)
    pyplot.close(figure)


def plain(value, _=None):
    return f"{value:g}" if value < 1e4 else f"{value:,.0f}"


def bytes_text(value, _=None):
    """Formats bytes as people write them: 4 KiB, and not 2^12."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if value < 1024 or unit == "GiB":
            return f"{value:g} {unit}"
        value /= 1024
    return ""


def bars_of(results, group, figure, name, workloads):
    """Returns (workload, ratio, ratios of the rounds) of an allocator, where it was measured."""
    drawn = [(workload, results.ratio(group, workload, name, figure), results.ratios(group, workload, name, figure))
             for workload in workloads if workload != MEAN]
    if MEAN in workloads:
        drawn.append((MEAN, results.mean_ratio(group, name, figure), []))
    return [(workload, ratio, rounds) for workload, ratio, rounds in drawn if ratio and ratio > 0]


def draw_bars(axes, results, group, figure, workloads):
    names = [name for name in results.allocators(group) if name != "glibc"]
    width = 0.8 / max(1, len(names))
    for index, name in enumerate(names):
        colour, hatch, _ = look(name)
        drawn = bars_of(results, group, figure, name, workloads)
        places = [workloads.index(workload) + (index + 0.5) * width - 0.4 for workload, _, _ in drawn]
        axes.bar(places, [ratio - 1 for _, ratio, _ in drawn], width, bottom=1, label=name, color=colour, hatch=hatch,
                 edgecolor="white" if colour == "#000000" else "black", linewidth=0.4)
        spread = [(at, min(rounds), max(rounds)) for at, (_, _, rounds) in zip(places, drawn) if len(rounds) > 1 and min(rounds) > 0]
        axes.vlines([at for at, _, _ in spread], [low for _, low, _ in spread], [high for _, _, high in spread],
                    color="#cc0000", linewidth=1.2)
    axes.axhline(1, color="black", linewidth=0.8)
    axes.grid(axis="y", alpha=0.3)
    axes.set_axisbelow(True)
    axes.set_xticks(range(len(workloads)), workloads, rotation=30, ha="right", fontsize="small")


def bars(pyplot, ticker, results, group, figure, title):
    """Draws bars from 1, which is glibc, on a log axis. A red line spans the rounds from least to most."""
    workloads = results.workloads(group) + [MEAN]
    rows = [workloads[at:at + IN_ROW] for at in range(0, len(workloads), IN_ROW)]
    canvas, panels = pyplot.subplots(len(rows), 1, figsize=(4 + 0.8 * min(IN_ROW, len(workloads)), 1 + 3 * len(rows)),
                                     layout="constrained", sharey=True, squeeze=False)
    for row, axes in zip(rows, panels[:, 0]):
        axes.set_yscale("log")
        draw_bars(axes, results, group, figure, row)
        axes.set_xlim(-0.6, max(len(row), min(IN_ROW, len(workloads))) - 0.4)
        axes.set_ylabel("ratio to glibc")
    low, high = axes.get_ylim()
    axes.set_ylim(min(low, 0.5), max(high, 2))
    axes.yaxis.set_major_locator(ticker.LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter(ticker.FuncFormatter(plain))
    axes.yaxis.set_minor_locator(ticker.NullLocator())
    canvas.suptitle(f"{group}: {title}, lower is better; red: least to most of the rounds", fontsize="medium")
    panels[0, 0].legend(fontsize="small", loc="upper left", bbox_to_anchor=(1, 1))
    return canvas


def draw_series(axes, series):
    """
    Draws a line for each series (name, [(x, median, least, most)]); bars span the rounds. Markers are hollow and
    become smaller, so that equal points do not cover each other.
    """
    for index, (name, points) in enumerate(series):
        colour, _, marker = look(name)
        points = [point for point in points if point[1]]
        below = [max(0, middle - least) for _, middle, least, _ in points]
        above = [max(0, most - middle) for _, middle, _, most in points]
        axes.errorbar([point[0] for point in points], [point[1] for point in points], yerr=[below, above], capsize=3,
                      marker=marker, markerfacecolor="none", markeredgecolor=colour, markeredgewidth=1.6,
                      markersize=5 + 2 * (len(series) - index), label=name, color=colour)
    axes.legend(fontsize="small", loc="upper left", bbox_to_anchor=(1, 1))
    axes.grid(alpha=0.3)


def lines(pyplot, ticker, title, xlabel, series):
    """Draws nanoseconds over bytes."""
    canvas, axes = pyplot.subplots(figsize=(8, 4.8), layout="constrained")
    draw_series(axes, series)
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    places = sorted({x for _, points in series for x, *_ in points})
    axes.set_xticks(places, [bytes_text(place) for place in places], rotation=45, ha="right")
    axes.xaxis.set_minor_locator(ticker.NullLocator())
    axes.yaxis.set_major_formatter(ticker.FuncFormatter(plain))
    axes.set_xlabel(xlabel)
    axes.set_ylabel("nanoseconds")
    axes.set_title(title)
    return canvas


def point(results, x, *key):
    rounds = results.values.get(key) or [0]
    return x, results.median(*key), min(rounds), max(rounds)


def v2p_series(results):
    sizes = results.workloads("v2p")
    return [(way, [point(results, int(size[:-3]) << 20, "v2p", size, way, "cpu_ns") for size in sizes])
            for way in results.allocators("v2p")]


def bounce_series(results):
    sizes = results.allocators("bounce")
    return [(name, [point(results, int(size), "bounce", "copy", size, figure) for size in sizes])
            for name, figure in (("copy", "copy_ns"), ("pinned_v2p", "v2p_ns"), ("in place", "reach_ns"))]


def held_series(results, workload):
    """Returns the resident MiB of each allocator over the seconds after the peak."""
    prefix, moments = "held_mib_after_", []
    for key in results.values:
        if key[:2] == ("edges", workload) and key[3].startswith(prefix) and key[3] not in moments:
            moments.append(key[3])
    return [(name, [point(results, float(moment[len(prefix):-1]), "edges", workload, name, moment)
                    for moment in moments]) for name in results.allocators("edges")]


def held(pyplot, ticker, title, series):
    canvas, axes = pyplot.subplots(figsize=(8, 4.8), layout="constrained")
    draw_series(axes, series)
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(ticker.LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter(ticker.FuncFormatter(plain))
    axes.yaxis.set_minor_locator(ticker.NullLocator())
    axes.set_xlabel("seconds after the peak")
    axes.set_ylabel("resident MiB")
    axes.set_title(title)
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
            save(pyplot, held(pyplot, ticker, title, held_series(results, workload)), out, workload)
    if "v2p" in results.groups():
        save(pyplot, lines(pyplot, ticker, "translation of random addresses", "size of the range", v2p_series(results)),
             out, "v2p")
    if "bounce" in results.groups():
        save(pyplot, lines(pyplot, ticker, "what a bounce copy costs", "size of the buffer", bounce_series(results)), out, "bounce")
