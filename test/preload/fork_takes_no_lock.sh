#!/bin/bash
# SPDX-License-Identifier: MIT
# fork() beside threads that allocate while they hold locks which fork() takes as well: the C library's
# list of streams and its name services' locks (Faults E6), and a lock of a library whose constructor
# registered its atfork handlers before the shim (Faults E7).
# shellcheck source=test/preload/common
. "$(dirname "$0")/common"
need "$cc"

same fork_beside_stre "$programs/fork_beside_streams"

source=$PINNED_SOURCE/test/preload/programs/fork_beside_locks.c
"$cc" -shared -fPIC -pthread -DLIBRARY -o liblocks.so "$source"
"$cc" -pthread -o beside_locks "$source" -Wl,--no-as-needed -L. -llocks -Wl,-rpath,.
same beside_locks ./beside_locks
