#!/bin/bash
# SPDX-License-Identifier: MIT
# Protects programs that allocate before main() or while they end: allocation works from the first
# constructor to the last instruction, however the program ends (Faults B28).
# shellcheck source=test/preload/common
. "$(dirname "$0")/common"

same exit_allocations "$programs/exit_allocations" return
same exit_allocations "$programs/exit_allocations" pthread_exit
same - "$programs/exit_allocations" quick_exit
for _ in 1 2 3 4 5 6 7 8 9 10; do
	same exit_allocations "$programs/exit_allocations" threads_go_on
done
