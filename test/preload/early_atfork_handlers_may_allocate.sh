#!/bin/bash
# SPDX-License-Identifier: MIT
# Protects programs that are linked with a library whose atfork handlers allocate: the handlers
# work although the library registered them before the shim was initialised (Faults B12).
# shellcheck source=test/preload/common
. "$(dirname "$0")/common"
need "$cc"

source=$PINNED_SOURCE/test/preload/programs/atfork_allocates.c
"$cc" -shared -fPIC -DLIBRARY -o libearly.so "$source"
"$cc" -pthread -o early "$source" -Wl,--no-as-needed -L. -learly -Wl,-rpath,.
same early ./early
