#!/bin/bash
# SPDX-License-Identifier: MIT
# Protects users of awk, sed, grep, find, diff and patch: they behave on pinned memory as without
# the shim.
# shellcheck source=test/preload/common
. "$(dirname "$0")/common"
need awk sed grep find xargs diff patch

awk 'BEGIN { for (i = 0; i < 60000; i++) { x = (x * 1103515245 + 12345) % 2147483648
	print x % 5000, i, "word" x % 977 } }' >data
sed 's/word1\([0-9]\)/WORD-\1-/; 7~13d' data >changed
diff -u data changed >change.patch || true

# shellcheck disable=SC2016 # for awk
same awk awk '{ sum[$3] += $1; text[$1] = text[$1] " " $2 }
	END { for (i = 0; i < 977; i++) print i, sum["word" i]
	      for (i = 0; i < 5000; i++) print length(text[i]), substr(text[i], 1, 30) }' data
# shellcheck disable=SC2016 # for sed
same sed sed -n -e 's/\(.*\) \(.*\) word\(.*\)/\3 \2 \1/; H; ${x; s/\n/,/g; p}' data
same grep grep -E -c '^[0-9]*(1|22|333)+ .*word(9|1)[0-9]*$' data
seq 900 977 | sed 's/^/word/' >words
same grep grep -n -F -f words data
same find find /usr/include -type f -name '*.h' -size -8k -printf '%P %s\n'
same find find /usr/include -maxdepth 1 -type f -exec cksum {} +
same xargs bash -c 'seq 20000 | xargs -n 900 -P 1 echo | cksum'
expect=1 same diff diff data changed
same patch bash -c 'cp data target && patch target <change.patch && cmp target changed'
