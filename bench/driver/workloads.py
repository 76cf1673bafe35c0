# SPDX-License-Identifier: MIT
"""All workloads: how to run each in an allocator's environment, and which figures each yields.

Whole programs give wall and cpu seconds, peak memory and page faults, and those of the suite operations in a second,
per_s; what times itself gives nanoseconds for an operation, wall_ns and cpu_ns; bench/edges.c names its own figures. v2p and bounce are about translation: their columns are ways to translate, not
allocators.
"""
import fnmatch
import os
import shutil
import tempfile

import measure
import real

PASSTHROUGH_ROUNDS = 2  # factor: these differences are about one percent
TOUCH_SIZES = [2048, 4096, 8192, 16384, 32768, 65536]
TOUCH_OBJECTS = 512
# The programs of bench/suite: which part of the published work one run does, in percent, and the
# numbers of threads.
SUITE = [("cfrac", 40, (1,)), ("espresso", 40, (1,)), ("barnes", 25, (1,)),
         ("alloc_test", 8, (1, 2)), ("larson", 8, (1, 2)), ("larson_sized", 8, (1, 2)), ("mstress", 400, (1, 2)),
         ("rptest", 400, (1, 2)), ("xmalloc_test", 15, (1, 2)), ("cache_scratch", 100, (1, 2)),
         ("cache_thrash", 100, (1, 2)), ("glibc_simple", 20, (1,)), ("glibc_thread", 15, (1, 2)),
         ("sh6", 10, (1, 2, 4)), ("sh8", 4, (1, 2, 4)), ("malloc_large", 3, (1,)), ("mleak", 20, (1,)),
         ("strings", 100, (1,)), ("trees", 100, (1,))]
EDGES = ["latency", "beside_large", "among_live", "large_calloc", "after_peak", "busy_after_peak", "idle_threads"]
SLOW_EDGES = ("busy_after_peak", "idle_threads")  # they watch memory for ten seconds, and so run once
V2P_MEBIBYTES = [8, 64, 512, 4096, 16384, 65536]


class Workload:
    """A workload. @body(env, directory) returns [(column, figures)]; column None means the allocator."""

    def __init__(self, group, name, body, needs=(), only=None, rounds=1):
        self.group, self.name, self.body, self.needs, self.only, self.factor = group, name, body, needs, only, rounds
        self.id = f"{group}/{name}"

    def missing(self):
        """Returns what the workload needs and the machine lacks."""
        return ", ".join(program for program in self.needs if not shutil.which(program, path=real.PATH))

    def rounds(self, rounds):
        return max(1, int(rounds * self.factor)) if rounds > 1 else 1

    def allocators(self, names):
        if self.only:
            return [name for name in names if name in self.only]
        return [name for name in names if name != "passthrough"]

    def run(self, allocator, env):
        with tempfile.TemporaryDirectory(prefix="bench-") as directory:
            return [(column or allocator, figures) for column, figures in self.body(dict(env), directory)]


class Maker:
    """Makes the workloads; @smoke reduces their amounts of work to almost nothing."""

    def __init__(self, top, options):
        self.top, self.smoke = top, options.smoke
        self.translating = {"PINNED_CONF": "backend:" + options.backend}
        self.binaries = os.path.join(top, "build", "bench", "bin")
        self.percent = "1" if options.smoke else str(options.percent)

    def path(self, name):
        return os.path.join(self.binaries, name)

    def whole(self, command):
        """Returns a body that runs a program with a fixed amount of work."""
        def body(env, directory):
            return [(None, measure.run(self.binaries, command, env, directory)[1])]
        return body

    def counted(self, command):
        """Returns a body that runs a fixed amount of work; the program may print its number of operations."""
        def body(env, directory):
            output, cost = measure.run(self.binaries, command, env, directory)
            return [(None, cost | {"per_s": float(output) / cost["wall"]} if output.strip() else cost)]
        return body

    def edge(self, name):
        def body(env, directory):
            output = measure.run(self.binaries, [self.path("edges"), name, self.percent], env, directory)[0].decode()
            return [(None, {figure: float(value) for figure, value in map(str.split, output.splitlines())})]
        return body

    def self_timed(self, command):
        def body(env, directory):
            output, cost = measure.run(self.binaries, command, env, directory)
            wall, cpu = map(float, output.split())
            return [(None, {"wall_ns": wall, "cpu_ns": cpu, "rss_kib": cost["rss_kib"]})]
        return body

    def translations(self, mebibytes):
        def body(env, directory):
            command = [self.path("v2p"), str(mebibytes), self.percent]
            lines = measure.run(self.binaries, command, env | self.translating, directory)[0].decode().splitlines()
            rows = [line.split() for line in lines if not line.startswith("backend")]
            return [(name, {"cpu_ns": float(ns)}) for name, ns in rows]
        return body

    def bounce(self, env, directory):
        """Runs a program that measures every size; the column contains the size."""
        command = [self.path("bounce"), self.percent]
        output = measure.run(self.binaries, command, env | self.translating, directory)[0].decode()
        return [(size, {"copy_ns": float(copy), "v2p_ns": float(v2p), "reach_ns": float(reach)})
                for size, copy, v2p, reach in (line.split() for line in output.splitlines()[1:])]

    def startup(self, env, directory):
        """Measures the start of a process that does nothing."""
        count = 3 if self.smoke else 100
        script = f"i=0; while [ $i -lt {count} ]; do i=$((i + 1)); /bin/true; done"
        cost = measure.run(self.binaries, ["sh", "-c", script], env, directory)[1]
        return [(None, {"wall_ns": cost["wall"] / count * 1e9, "cpu_ns": cost["cpu"] / count * 1e9})]

    def suite(self):
        found = []
        for program, part, counts in SUITE:
            percent = f"{part * float(self.percent) / 100:g}"
            for count in counts:
                name = f"{program}-{count}" if len(counts) > 1 else program
                found.append(Workload("suite", name, self.counted([self.path("suite/" + program), percent, str(count)])))
        return found

    def edges(self):
        return [Workload("edges", name, self.edge(name), rounds=0 if name in SLOW_EDGES else 1) for name in EDGES]

    def micro(self):
        names = os.popen(f"'{self.path('micro')}' --list").read().split()
        return [Workload("micro", name, self.self_timed([self.path("micro"), name, self.percent])) for name in names]

    def touch(self):
        return [Workload("touch", f"{size // 1024}k", self.self_timed(
            [self.path("touch"), str(size), str(TOUCH_OBJECTS), self.percent])) for size in TOUCH_SIZES]

    def real(self):
        programs = real.Real(self.top, self.binaries, self.smoke)
        return [Workload("real", name, body, needs) for name, body, needs in programs.all()]

    def passthrough(self):
        """Returns some of the workloads again, with the shim loaded but without a configuration."""
        chosen = {"micro": ("pair64", "mixed10k"), "suite": ("strings", "trees"),
                  "real": ("python3", "sqlite3", "gcc")}
        startup = Workload("passthrough", "startup", self.startup, (), ("glibc", "passthrough"), PASSTHROUGH_ROUNDS)
        found = [w for w in self.suite() + self.micro() + self.real() if w.name in chosen[w.group]]
        return [startup] + [Workload("passthrough", w.name, w.body, w.needs, ("glibc", "passthrough"),
                                     PASSTHROUGH_ROUNDS) for w in found]

    def v2p(self):
        sizes = V2P_MEBIBYTES[:1] + V2P_MEBIBYTES[-1:] if self.smoke else V2P_MEBIBYTES
        return [Workload("v2p", f"{size}MiB", self.translations(size), only=("glibc",)) for size in sizes]

    def all(self):
        return (self.suite() + self.micro() + self.touch() + self.edges() + self.real() + self.passthrough() + self.v2p() +
                [Workload("bounce", "copy", self.bounce, only=("glibc",))])


def all_workloads(top, options):
    return Maker(top, options).all()


def is_wanted(workload, patterns):
    return not patterns or any(p in workload.id or fnmatch.fnmatch(workload.id, p) for p in patterns)
