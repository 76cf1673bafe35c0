#!/bin/bash
# SPDX-License-Identifier: MIT
# Protects programs that fork while other threads allocate under a lock that fork() takes too:
# fork() does not deadlock. Such locks are those of the C library's list of streams and of its name
# services (Faults E6), and the lock of a library whose constructor registered atfork handlers
# before the shim did (Faults E7).
# shellcheck source=test/preload/common
. "$(dirname "$0")/common"
need "$cc"

same fork_beside_stre "$programs/fork_beside_streams"

source=$PINNED_SOURCE/test/preload/programs/fork_beside_locks.c
"$cc" -shared -fPIC -pthread -DLIBRARY -o liblocks.so "$source"
"$cc" -pthread -o beside_locks "$source" -Wl,--no-as-needed -L. -llocks -Wl,-rpath,.
same beside_locks ./beside_locks
