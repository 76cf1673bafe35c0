# SPDX-License-Identifier: MIT
"""An unmodified program on pinned memory that goes on while the packages under it are upgraded: allocates, checks
what it holds, and forks a child that checks it too. Writes the number of rounds into a file; ends when another
appears, with status 0 if all was as it should be.

usage: holder.py ROUNDS-FILE END-FILE
"""
import hashlib
import os
import sys
import time

rounds_file, end_file = sys.argv[1:]
held = []


def check():
    for data, digest in held:
        if hashlib.sha256(data).digest() != digest:
            os._exit(3)


def check_in_child():
    pid = os.fork()
    if pid == 0:
        check()
        os._exit(0)
    if os.waitpid(pid, 0)[1] != 0:
        sys.exit("the child of a fork found other data")


rounds = 0
while not os.path.exists(end_file):
    data = bytearray(os.urandom(1 << 20))
    held.append((data, hashlib.sha256(data).digest()))
    del held[:-8]
    check()
    check_in_child()
    rounds += 1
    with open(rounds_file + ".new", "w", encoding="ascii") as file:
        file.write(f"{rounds}\n")
    os.rename(rounds_file + ".new", rounds_file)
    time.sleep(0.2)
