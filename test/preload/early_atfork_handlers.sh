#!/bin/bash
# SPDX-License-Identifier: MIT
# atfork handlers that allocate, of a library that the program is linked with and
# that registered them before the shim had its turn, run as without (Faults B12).
# shellcheck source=test/preload/common
. "$(dirname "$0")/common"
need "$cc"

source=$PINNED_SOURCE/test/preload/programs/atfork_allocates.c
"$cc" -shared -fPIC -DLIBRARY -o libearly.so "$source"
"$cc" -pthread -o early "$source" -Wl,--no-as-needed -L. -learly -Wl,-rpath,.
same early ./early
