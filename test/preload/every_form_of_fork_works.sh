#!/bin/bash
# SPDX-License-Identifier: MIT
# Protects programs that fork: every form of fork works, from one thread and from many, and with
# handlers that allocate (Faults B12, B13, B14).
# shellcheck source=test/preload/common
. "$(dirname "$0")/common"

same fork_isolation "$programs/fork_isolation"
same fork_storm "$programs/fork_storm"
same atfork_allocates "$programs/atfork_allocates"
