#!/bin/bash
# SPDX-License-Identifier: MIT
# Protects callers of the malloc family: under the shim each function keeps the promises that
# glibc's keeps, according to a model that both must match, and the shim exports the whole family
# without versions (Faults B26, B29, B37, E17).
# shellcheck source=test/preload/common
. "$(dirname "$0")/common"
need python3

same malloc_family "$programs/malloc_family"
for seed in 1 2 $((RANDOM + 3)); do
	same malloc_family_model "$programs/malloc_family_model" $seed
done

# The figures that a program gets about its 10 MB are correct, and malloc_info() writes XML.
"${pinned[@]}" "$programs/malloc_family_model" 1 info >out 2>err
objects=$(python3 -c '
import sys, xml.etree.ElementTree
pinned = xml.etree.ElementTree.parse(sys.stdin).getroot().find("pinned")
figures = {(element.tag, element.get("type")): int(element.get("size")) for element in pinned}
assert figures["system", "max"] >= figures["system", "current"] >= figures["total", "objects"], figures
print(figures["total", "objects"])' <out) || fail "$(cat out)"
is_true() { [ "$1" -ge 10000000 ] && [ "$1" -lt 12000000 ]; }
is_true "$objects" || fail "malloc_info says $objects"
objects=$(sed -n '/^Pinned/,$s/^in use bytes *= *//p' err)
is_true "$objects" || fail "malloc_stats says $objects"

nm -D --defined-only "$PINNED_BUILD/lib/libmalloc-pinned.so" | sed 's/.* //' >exported
for name in malloc free calloc realloc reallocarray memalign posix_memalign aligned_alloc valloc pvalloc \
	malloc_usable_size free_sized free_aligned_sized malloc_trim mallinfo mallinfo2 malloc_info \
	malloc_stats mallopt; do
	grep -qx "$name" exported || fail "$name is not exported, or has a version"
done
