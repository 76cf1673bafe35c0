#!/bin/bash
# SPDX-License-Identifier: MIT
# Checks that lines have at most 100 columns in .md files, CHANGELOG, man sources and public
# headers. These lines may be longer, because they cannot be wrapped:
#   - tables (lines that begin with |), headings, and HTML;
#   - a line with a single word after the indentation and list mark, such as a long link.
#
# usage: prose.sh [FILE...]     default: all such files that git knows
set -u
cd "$(dirname "$0")/../.." || exit 1
limit=100

prose_files() { git ls-files '*.md' CHANGELOG 'man/man*/*' include; }

if [ $# -gt 0 ]; then files=("$@"); else mapfile -t files < <(prose_files); fi
[ ${#files[@]} -gt 0 ] || { echo "prose: no files"; exit 1; }
LC_ALL=C awk -v limit=$limit '
	function is_single_word(line) {
		sub(/^[ \t]*([-*>]|[0-9]+\.)?[ \t]*/, "", line)
		return line !~ /[ \t]/
	}
	function width(line,   at, columns) {
		gsub(/[\200-\277]/, "", line)  # bytes of a character after its first
		for (at = 1; at <= length(line); at++)
			columns = substr(line, at, 1) == "\t" ? columns + 8 - columns % 8 : columns + 1
		return columns
	}
	FNR == 1 { is_md = FILENAME ~ /\.md$/ }
	is_md && /^(\||#|<)/ { next }
	width($0) > limit && !is_single_word($0) {
		print "prose: " FILENAME ":" FNR ": " width($0) " columns; wrap prose at " limit
		bad++
	}
	END { exit bad > 0 }
' "${files[@]}"
