#!/bin/bash
# SPDX-License-Identifier: MIT
# fork, in all its forms, from one thread and from many, with handlers that
# allocate (Faults B12, B13, B14).
# shellcheck source=test/preload/common
. "$(dirname "$0")/common"

same fork_isolation "$programs/fork_isolation"
same fork_storm "$programs/fork_storm"
same atfork_allocates "$programs/atfork_allocates"

# A library of the program is initialised before the shim.
"$cc" -shared -fPIC -DLIBRARY -o libearly.so "$(dirname "$0")/atfork_allocates.c"
"$cc" -pthread -o early "$(dirname "$0")/atfork_allocates.c" -Wl,--no-as-needed -L. -learly -Wl,-rpath,.
same early ./early
