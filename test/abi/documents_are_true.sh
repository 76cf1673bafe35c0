#!/bin/bash
# SPDX-License-Identifier: MIT
# Promise: C and C++ programs in doc/*.md and README.md compile against include/; files,
# links and make targets that the documents name exist; and no link of an installed document leads
# out of its package.
set -eu
top=$(cd "$(dirname "$0")/../.." && pwd)
cc=${CC:-cc}
command -v "${cc%% *}" >/dev/null || { echo "SKIP: no C compiler"; exit 77; }
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$top"
failures=0 programs=0 names=0
fail() {
	echo "$*" >&2
	failures=$((failures + 1))
}

# Prints the anchors of a document's headings.
# shellcheck disable=SC2016 # backticks of Markdown
anchors() {
	sed '/^```/,/^```/d' "$1" | sed -n 's/^##* //p' | tr 'A-Z ' 'a-z-' | tr -cd 'a-z0-9_\n-'
}

documents=(README.md CONTRIBUTING.md doc/*.md examples/*/README.md)
for document in "${documents[@]}"; do
	# Write each block between ```c or ```cpp and ``` into a file.
	rm -f "$tmp"/*.c "$tmp"/*.cpp
	awk -v dir="$tmp" '/^```c(pp)?$/ { file = dir "/" ++count "." substr($0, 4); next } /^```/ { file = "" } file != "" { print > file }' "$document"
	for program in "$tmp"/*.cpp; do
		[ -e "$program" ] || continue
		programs=$((programs + 1))
		${CXX:-c++} -std=c++17 -Wall -Wextra -Werror -Iinclude -fsyntax-only "$program" || fail "$document: a program does not compile"
	done
	for program in "$tmp"/*.c; do
		[ -e "$program" ] || continue
		programs=$((programs + 1))
		# shellcheck disable=SC2086 # CC may carry options
		$cc -std=gnu11 -Wall -Wextra -Werror -Iinclude -Iinclude/uapi -fsyntax-only "$program" || fail "$document: a program does not compile"
	done
	# Links to files, and paths in the sources. A star is a pattern, and so is a word of
	# capitals at a path's end.
	while read -r name; do
		names=$((names + 1))
		compgen -G "$name" >/dev/null || compgen -G "$(dirname "$document")/$name" >/dev/null || fail "$document: there is no $name"
	done < <({
		grep -oE '\]\([^)#:]+\)' "$document" | sed 's/^](//; s/)$//'
		grep -oE '`(src|test|bench|doc|examples|include|man|debian)/[A-Za-z0-9_./*-]+' "$document" | sed -E 's/^`//; s/\.$//; s/[A-Z]{3,}$/*/'
	} | sort -u)
	while IFS='#' read -r name anchor; do
		names=$((names + 1))
		anchors "${name:+$(dirname "$document")/}${name:-$document}" | grep -qx -- "$anchor" || fail "$document: $name has no heading $anchor"
	done < <(grep -oE '\]\([^)#:]*#[^)]+\)' "$document" | sed 's/^](//; s/)$//' | sort -u)
	# Documents in the package pinned-mem-doc may link only to documents in that package.
	case $document in
	examples/*) ;;
	*)
		while read -r name; do
			case $name in
			doc/* | CONTRIBUTING.md) [ "$document" = README.md ] || [ "$document" = CONTRIBUTING.md ] ;;
			*/*) false ;;
			*) [ "${document#doc/}" != "$document" ] ;;
			esac || fail "$document: $name is not where the package has it"
		done < <(grep -oE '\]\([^)#:]+\)' "$document" | sed 's/^](//; s/)$//' | sort -u)
		;;
	esac
	while read -r target; do
		names=$((names + 1))
		grep -qsE "^([a-z -]* )?$target( [a-z -]*)?:|\b$target\b.*:" Makefile test/check.mk bench/bench.mk "$(dirname "$document")"/Makefile || fail "$document: make knows no $target"
	done < <(grep -oE '(^    |`)make [a-z][a-z-]+([^a-z/-]|$)' "$document" | sed -E 's/.*make //; s/[^a-z-]$//' | sort -u)
done
echo "${#documents[@]} documents, $programs programs, $names names, $failures failures"
[ $failures = 0 ] && [ $programs -gt 0 ] && [ $names -gt 20 ]
