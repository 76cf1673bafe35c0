#!/bin/bash
# SPDX-License-Identifier: MIT
# Protects programs with threads: many short threads leave nothing behind, a thread may free another
# thread's objects, and random operations of threads match a model (Faults B36, B37).
# shellcheck source=test/preload/common
. "$(dirname "$0")/common"

same threads_many "$programs/threads_many"
same cross_thread_free "$programs/cross_thread_free"
for _ in 1 2 3; do
	same random_operations "$programs/random_operations"
done
