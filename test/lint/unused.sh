#!/bin/bash
# SPDX-License-Identifier: MIT
# Finds dead code: each global symbol of src/kernel or src/lib must be named in another C file or in
# an inline function of a header, or be public (libpinned.map, pinned_mem_kernel.h). The compiler
# finds unused static symbols.
set -u
cd "$(dirname "$0")/../.." || exit 1
bad=0
# One line COUNT FILE:WORD for each word of a file.
words=$(grep -oE '\b[a-z][A-Za-z0-9_]+\b' --with-filename src/{lib/*,shim,kernel,tools}/*.c src/{lib/*,kernel}/*.h | sort | uniq -c)

check() {  # PROMISES FILE...: the first names what the others may show without a use
	local promises=$1
	shift
	ctags-universal -x --language-force=C --kinds-C=fv --extras=-F --fields=+f --_xformat='%F %N %f %n' "$@" |
		awk -v promises="$promises" -v least=40 '
		BEGIN { while ((getline line <promises) > 0) { n = split(line, word, /[^A-Za-z0-9_]+/); for (i = 1; i <= n; i++) promised[word[i]] } }
		FILENAME != "-" {
			split($2, part, ":")
			# Headers contain the word once as a declaration; more than once means a
			# use.
			if (part[1] ~ /\.h$/) in_headers[part[2]] += $1
			else { files[part[2]]++; named[part[2], part[1]] }
			next
		}
		$3 == "file" { next }
		{ count++ }
		!($2 in promised) && files[$2] - (($2, $1) in named) == 0 && in_headers[$2] < 2 {
			print $1 ":" $4 ": unused: no other file names " $2 "; make it static, or take it away"
			bad = 1
		}
		END {
			if (count < least) { print promises ":1: unused: only " count + 0 " definitions found beside it"; bad = 1 }
			exit bad
		}' <(echo "$words") - || bad=1
}

check src/lib/libpinned.map src/lib/*/*.c
check include/pinned_mem_kernel.h src/kernel/*.c
exit $bad
