#!/bin/bash
# SPDX-License-Identifier: MIT
# Protects correct programs from the hardening keys: with every key on, programs behave the same,
# also those with threads and forks, and the checks of freed memory report no misuse.
# shellcheck source=test/preload/common
. "$(dirname "$0")/common"
need python3 perl sort bash
pinned+=(--zero-on-free --quarantine 8M --guard --random)

same python3 python3 -c '
import json, threading
def work(n):
    for i in range(20):
        assert json.loads(json.dumps([{"k": str(j), "v": [j] * n} for j in range(500)]))[7]["k"] == "7"
threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
[t.start() for t in threads]
[t.join() for t in threads]
print(len(bytearray(50 << 20)), sum(len(b"x" * (n * 1000)) for n in range(3000)))'
# shellcheck disable=SC2016 # a program of perl
same perl perl -e 'my %h; for (1 .. 100000) { $h{$_ % 5000} = "x" x ($_ % 3000) } print length(join("", values %h)), "\n"'
seq 200000 | sort -R --random-source=/dev/zero >numbers
same sort sort -n --parallel=2 -S 8M numbers
# shellcheck disable=SC2016 # a program of bash
same - bash -c 'for i in {1..20}; do (x=$(echo $i | cat); echo $((x * 2))); done'
