#!/bin/sh
# SPDX-License-Identifier: MIT
# Promise: the version script, pinned.h and the man pages name the same functions; every SYNOPSIS
# and every program in EXAMPLES compiles against include/ as printed; and structures in man pages
# equal those in the headers.
set -eu

top=$(cd "$(dirname "$0")/../.." && pwd)
cc=${CC:-cc}
map=$top/src/lib/libpinned.map
header=$top/include/pinned.h
uapi=$top/include/uapi/pinned_mem.h
man=$top/man

# shellcheck disable=SC2086 # CC may carry options
compile() { $cc -std=gnu11 -Wall -Wextra -Werror -fsyntax-only -I"$top/include" -I"$top/include/uapi" "$1"; }

command -v "${cc%% *}" >/dev/null || { echo "SKIP: no C compiler"; exit 77; }
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

failures=0
fail() {
	echo "$*" >&2
	failures=$((failures + 1))
}

exported() {  # the names under global: in any node of the version script
	sed 's,/\*.*\*/,,; s/[;{}]/\n/g; s/\(global\|local\):/\n&\n/g' "$map" |
		awk '$1 ~ /^(global|local):$/ { is_global = ($1 == "global:"); next }
			is_global && $1 ~ /^[a-z_]/ { print $1 }' | sort -u
}

declared() {
	# shellcheck disable=SC2086
	$cc -E -P "$header" | grep -oE '\bpinned_[a-z0-9_]+ *\(' | tr -d ' (' | sort -u
}

documented() { (cd "$man/man3" && printf '%s\n' *.3 | sed 's/\.3$//') | sort -u; }

# report_missing A B WHAT: reports each name that is in list A and not in list B
report_missing() {
	comm -23 "$tmp/$1" "$tmp/$2" >"$tmp/missing"
	while read -r name; do fail "$name: $3"; done <"$tmp/missing"
}

# Sets $page to the page NAME.3, or to the page to which NAME.3 refers by .so.
page_of() {
	page=$man/man3/$1.3
	target=$(sed -n '1s/^\.so //p' "$page")
	echo "${target:+$man/}${target:-$page}"
}

# Each function for other kernel drivers has a page of section 9.
kernel_header=$top/include/pinned_mem_kernel.h
sed -n 's/^[a-z].*[ *]\(pinned_mem_[a-z_]*\)(.*/\1/p' "$kernel_header" >"$tmp/kernel_functions"
[ -s "$tmp/kernel_functions" ] || fail "$kernel_header: no functions found"
while read -r name; do
	[ -f "$man/man9/$name.9" ] || fail "$name: no page in man9"
	grep -q "$name" "$man/man9/pinned_mem_range_get.9" || fail "$name: man9 does not describe it"
done <"$tmp/kernel_functions"

# A sed script that turns the roff of our SYNOPSIS and EXAMPLES sections into text.
unescape='s/\\-/-/g; s/\\(aq/'\''/g; s/\\(dq/"/g; s/\\&//g; s/\\e/\\/g'

# Prints the #include lines and prototypes of a page's SYNOPSIS, which is its first .nf block.
synopsis() {
	awk '
		/^\.SH / { in_section = ($2 == "SYNOPSIS") }
		in_section && /^\.nf/ { in_block = 1; next }
		/^\.fi/ { in_block = 0 }
		in_block && /^\.BI? / {
			line = substr($0, index($0, " ") + 1); out = ""
			while (line != "") {
				if (substr(line, 1, 1) == "\"") {
					line = substr(line, 2); end = index(line, "\"")
					if (!end) end = length(line) + 1
				} else {
					end = index(line, " ")
					if (!end) end = length(line) + 1
				}
				word = substr(line, 1, end - 1)
				line = substr(line, end + 1); sub(/^ +/, "", line)
				out = out (out != "" && $1 == ".B" ? " " : "") word
			}
			print out
		}' "$1" | sed "$unescape"
}

# Writes each .EX block of a page's EXAMPLES into a file DIR/<number>.
examples() {
	awk -v dir="$2" '
		/^\.SH / { in_section = ($2 == "EXAMPLES") }
		in_section && /^\.EX/ { file = dir "/" ++count; next }
		/^\.EE/ { file = "" }
		file != "" { print > file }' "$1"
}

check_synopsis() {  # PAGE FILE: a prototype that contradicts the header is an error
	synopsis "$1" >"$2"
	[ -s "$2" ] || fail "$1: no SYNOPSIS found"
	compile "$2" || fail "$1: SYNOPSIS does not compile"
}

check_examples() {  # PAGE DIR: compile the C programs among the examples
	mkdir -p "$2"
	examples "$1" "$2"
	programs=0
	for block in "$2"/*; do
		if ! head -n 1 "$block" 2>/dev/null | grep -q '^#include'; then continue; fi
		programs=$((programs + 1))
		sed "$unescape" "$block" >"$block.c"
		compile "$block.c" || fail "$1: example ${block##*/} does not compile"
	done
}

members() {  # STRUCT FILE: its definition there, without comments
	sed -n "/^struct $1 {/,/^}/p" "$2" | sed "$unescape; s,/\*.*\*/,,; s/[[:space:]]\+/ /g; s/ \$//"
}

check_structs() {  # PAGE: structures that it shows are those of the headers
	sed -n 's/^struct \(pinned_[a-z_]*\) {$/\1/p' "$1" >"$tmp/structs"
	while read -r struct; do
		members "$struct" "$1" >"$tmp/shown"
		for file in "$header" "$uapi"; do members "$struct" "$file"; done >"$tmp/defined"
		cmp -s "$tmp/shown" "$tmp/defined" || fail "$1: struct $struct is another in the headers"
	done <"$tmp/structs"
}

exported >"$tmp/exported"
declared >"$tmp/declared"
documented >"$tmp/documented"
[ -s "$tmp/exported" ] || fail "$map: no names found"

report_missing exported declared "exported, but not declared in pinned.h"
report_missing declared exported "declared in pinned.h, but not exported"
report_missing exported documented "exported, but has no man page in section 3"
report_missing documented exported "has a man page in section 3, but is not exported"

while read -r name; do
	[ -e "$man/man3/$name.3" ] || continue
	page=$(page_of "$name")
	check_synopsis "$page" "$tmp/synopsis.c"
	grep -qE "\b$name\(" "$tmp/synopsis.c" || fail "$page: $name is not in the SYNOPSIS"
	awk '/^\.SH / { inside = ($2 == "NAME") } inside' "$page" | sed "$unescape" |
		grep -qE "\b$name\b" || fail "$page: $name is not in NAME"
done <"$tmp/documented"

# Each request of the driver must be in the page's SYNOPSIS and have a section of its own.
device=$man/man4/pinned_mem.4
grep -oE '^#define PINNED_MEM_IOC_[A-Z]+' "$uapi" | sed 's/.* //' | grep -v '_MAGIC$' >"$tmp/requests"
[ -s "$tmp/requests" ] || fail "$uapi: no requests found"
while read -r name; do
	grep -qE "^\.BI \"int ioctl\(.*, $name," "$device" || fail "$device: $name is not in the SYNOPSIS"
	grep -qx "\.SS $name" "$device" || fail "$device: nothing about $name"
done <"$tmp/requests"

total=0
for page in "$man"/man[1-8]/*.[1-8]; do
	case $(head -n 1 "$page") in .so*) continue ;; esac
	check_structs "$page"
	check_examples "$page" "$tmp/examples/${page##*/}"
	total=$((total + programs))
	case $page in
	*.3) [ "$programs" -gt 0 ] || fail "$page: EXAMPLES has no C program" ;;
	esac
done

echo "$(wc -l <"$tmp/exported") functions, $total example programs, $failures failures"
[ "$failures" -eq 0 ] && [ "$total" -gt 0 ]
