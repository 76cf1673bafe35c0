#!/bin/bash
# SPDX-License-Identifier: MIT
# Programs with threads: many short ones, objects freed by another thread than
# allocated them, random operations against a model (Faults B36, B37).
# shellcheck source=test/preload/common
. "$(dirname "$0")/common"

same threads_many "$programs/threads_many"
same cross_thread_free "$programs/cross_thread_free"
for _ in 1 2 3; do
	same random_operations "$programs/random_operations"
done
