# SPDX-License-Identifier: MIT
"""The figures of all runs, and their medians and means."""
import json
import math
import os
import platform
import statistics


class Results:
    """Maps (group, workload, allocator, figure) to the values of all rounds."""

    def __init__(self):
        self.machine = {"kernel": platform.release(), "machine": platform.machine(), "cpus": os.cpu_count(),
                        "libc": " ".join(platform.libc_ver()), "allocators": {}}
        self.values = {}

    def add(self, workload, allocator, number, figures):
        """Adds the figures of round @number; each round must contain all figures."""
        for figure, value in figures.items():
            rounds = self.values.setdefault((workload.group, workload.name, allocator, figure), [])
            assert len(rounds) == number
            rounds.append(value)

    def save(self, path):
        rows = [dict(zip(("group", "workload", "allocator", "figure", "rounds"), key + (rounds,)))
                for key, rounds in self.values.items()]
        with open(path, "w", encoding="utf-8") as file:
            json.dump({"machine": self.machine, "results": rows}, file, indent=1)

    def load(self, path):
        with open(path, encoding="utf-8") as file:
            data = json.load(file)
        self.machine = data["machine"]
        self.values = {(row["group"], row["workload"], row["allocator"], row["figure"]): row["rounds"]
                       for row in data["results"]}

    def column(self, at):
        """Returns the distinct values of a part of the keys, in order of appearance."""
        return list(dict.fromkeys(key[at] for key in self.values))

    def groups(self):
        return self.column(0)

    def workloads(self, group):
        return list(dict.fromkeys(key[1] for key in self.values if key[0] == group))

    def allocators(self, group):
        return list(dict.fromkeys(key[2] for key in self.values if key[0] == group))

    def median(self, group, workload, allocator, figure):
        rounds = self.values.get((group, workload, allocator, figure))
        return statistics.median(rounds) if rounds else None

    def ratios(self, group, workload, allocator, figure, base="glibc"):
        """Returns the ratio within each round; nothing if one of the two was not measured."""
        ours = self.values.get((group, workload, allocator, figure))
        theirs = self.values.get((group, workload, base, figure))
        return [a / b if b else math.nan for a, b in zip(ours, theirs)] if ours and theirs else []

    def ratio(self, group, workload, allocator, figure, base="glibc"):
        """Returns the median of the ratios within each round."""
        ratios = self.ratios(group, workload, allocator, figure, base)
        return statistics.median(ratios) if ratios else None

    def mean_ratio(self, group, allocator, figure):
        """Returns the geometric mean of the ratios to glibc over a group's workloads."""
        ratios = [self.ratio(group, workload, allocator, figure) for workload in self.workloads(group)]
        ratios = [ratio for ratio in ratios if ratio and ratio > 0]
        return math.exp(sum(map(math.log, ratios)) / len(ratios)) if ratios else None

    def rows(self):
        """Returns every median, for programs that read the results."""
        return [dict(zip(("group", "workload", "allocator", "figure"), key), median=statistics.median(rounds))
                for key, rounds in self.values.items()]

    def ratio_between(self, group, workload, base, allocator, figure):
        """Returns the median of one allocator's ratios between two workloads."""
        above = self.values.get((group, workload, allocator, figure), [])
        below = self.values.get((group, base, allocator, figure), [])
        ratios = [a / b for a, b in zip(above, below) if b]
        return statistics.median(ratios) if ratios else None
