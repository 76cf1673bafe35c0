#!/bin/bash
# SPDX-License-Identifier: MIT
# Protects python programs: python with subprocesses, threads and forked workers behaves on pinned
# memory as it does without the shim, also if python calls malloc for each object (Faults B11, B12,
# B13).
# shellcheck source=test/preload/common
. "$(dirname "$0")/common"
need python3

cat >scenario.py <<'SCENARIO'
import hashlib, json, multiprocessing, os, re, subprocess, sys, threading, zlib

def work(n):
    blob = b"".join(b"%d," % (i * n) for i in range(20000))
    return n, hashlib.sha256(blob).hexdigest(), zlib.crc32(zlib.compress(blob))

def threads():
    results = [None] * 8
    def run(i):
        results[i] = work(i)
    pool = [threading.Thread(target=run, args=(i,)) for i in range(8)]
    for t in pool: t.start()
    for t in pool: t.join()
    print(results)

def short_threads():
    total = []
    for i in range(300):
        t = threading.Thread(target=lambda: total.append(len("x" * i)))
        t.start()
        t.join()
    print(sum(total))

def forked():
    with multiprocessing.get_context("fork").Pool(3) as pool:
        print(pool.map(work, range(12)))

def fork_with_threads():
    stop = threading.Event()
    def churn():
        while not stop.is_set():
            json.loads(json.dumps({str(i): [i] * 10 for i in range(200)}))
    churners = [threading.Thread(target=churn) for _ in range(3)]
    for t in churners: t.start()
    for i in range(15):
        pid = os.fork()
        if pid == 0:
            data = {j: str(j) * 50 for j in range(2000)}
            os._exit(len(data[1999]) % 256)
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
    stop.set()
    for t in churners: t.join()

def subprocesses():
    for i in range(10):
        out = subprocess.run(["cat"], input=b"y" * 100000 * i, capture_output=True, close_fds=True)
        print(i, len(out.stdout), out.returncode)

threads()
short_threads()
forked()
fork_with_threads()
subprocesses()
matrix = [[i * j for j in range(300)] for i in range(300)]
print(sum(map(sum, matrix)), len(re.findall(r"\b\d*7\b", " ".join(map(str, range(50000))))))
big = bytearray(64 << 20)
big[::4096] = b"z" * (len(big) // 4096)
print(zlib.crc32(big))
sys.stdout.flush()
SCENARIO
PYTHONHASHSEED=0 PYTHONDONTWRITEBYTECODE=1
export PYTHONHASHSEED PYTHONDONTWRITEBYTECODE
same python3 python3 ./scenario.py
PYTHONMALLOC=malloc
export PYTHONMALLOC
same python3 python3 ./scenario.py
