#!/bin/bash
# SPDX-License-Identifier: MIT
# Checks that each row of test/lint/faults.txt either is named in the first comment of a test, as in
# (Faults A1, A8-A16, E6) or (Fault E6), or is marked as owed. `faults.sh --list` prints the rows
# with their tests.
set -u
cd "$(dirname "$0")/../.." || exit 1
list=test/lint/faults.txt

# Prints "FILE:LINE ROW" for each row, or range of rows, that a first comment names.
named() {
	# shellcheck disable=SC2016 # awk's
	git ls-files -c -o --exclude-standard 'test/*' 'examples/*/demo/*' ':!test/lint' ':!*.md' | xargs awk '
		FNR == 1 { is_head = 1; is_inside = 0 }
		!is_head { next }
		FILENAME ~ /\.[ch]$/ && /\*\// { is_head = 0 }
		FNR > 1 && !/^([#*\/ ]|$)/ { is_head = 0; next }
		{
			text = $0
			if (!is_inside) {
				if (!match(text, /\(Faults?( |$)/)) next
				text = substr(text, RSTART + RLENGTH)
				is_inside = 1
			}
			if (text ~ /[):]/) {
				sub(/[):].*/, "", text)
				is_inside = 0
			}
			gsub(/[^A-Za-z0-9-]+/, " ", text)
			count = split(text, words, " ")
			for (i = 1; i <= count; i++) print FILENAME ":" FNR, words[i]
		}'
}

# Expands ranges to single rows and compares them with the list.
named | sort -u | awk -v list=$list -v show="${1:-}" '
	function complain(text) { print text; bad = 1 }
	BEGIN {
		while ((getline line <list) > 0) {
			number++
			if (line ~ /^ +owed$/) owed[row] = number
			else if (line ~ /^[A-Z][0-9]+ /) {
				row = substr(line, 1, index(line, " ") - 1)
				order[++rows] = row
				what[row] = line
				line_of[row] = number
			} else if (line !~ /^#/) complain(list ":" number ": faults: neither a row nor `owed`: " line)
		}
	}
	{
		split($2, ends, "-")
		letter = substr(ends[1], 1, 1)
		first = substr(ends[1], 2)
		last = first
		if (2 in ends) { last = ends[2]; sub(/^[A-Z]/, "", last) }
		if (ends[1] !~ /^[A-Z][0-9]+$/ || last !~ /^[0-9]+$/) {
			complain($1 ": faults: \"" $2 "\" is not the name of a row")
			next
		}
		for (i = first + 0; i <= last + 0; i++) {
			row = letter i
			if (!(row in what)) complain($1 ": faults: names " row ", which " list " does not list")
			else tests[row] = tests[row] "\n    " $1
		}
	}
	END {
		for (i = 1; i <= rows; i++) {
			row = order[i]
			if (show == "--list") print what[row] (row in owed ? "\n    owed" : tests[row])
			if (!(row in tests) && !(row in owed))
				complain(list ":" line_of[row] ": faults: no test names " what[row])
			if ((row in tests) && (row in owed)) {
				complain(list ":" owed[row] ": faults: delete this line `owed`: a test names " row " now:" tests[row])
			}
		}
		if (rows < 140) complain(list ":1: faults: only " rows " rows found in " list)
		exit bad
	}'
