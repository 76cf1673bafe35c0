#!/bin/bash
# SPDX-License-Identifier: MIT
# The malloc family keeps its promises under the shim (Faults B26, B29, B37), and
# the shim exports all of it, unversioned.
# shellcheck source=test/preload/common
. "$(dirname "$0")/common"

same family "$programs/family"

nm -D --defined-only "$PINNED_BUILD/lib/libmalloc-pinned.so" | sed 's/.* //' >exported
for name in malloc free calloc realloc reallocarray memalign posix_memalign aligned_alloc valloc pvalloc \
	malloc_usable_size free_sized free_aligned_sized malloc_trim mallinfo mallinfo2 malloc_info \
	malloc_stats mallopt; do
	grep -qx "$name" exported || fail "$name is not exported, or has a version"
done
