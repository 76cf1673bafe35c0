#!/bin/bash
# SPDX-License-Identifier: MIT
# Protects users of the core utilities: they behave on pinned memory as they do without the shim
# (Faults B26).
# shellcheck source=test/preload/common
. "$(dirname "$0")/common"

awk 'BEGIN { for (i = 0; i < 200000; i++) { x = (x * 1103515245 + 12345) % 2147483648
	print x % 100000, i, "word" x % 977 } }' >data
sort -u -k1,1 data >left
awk '$1 % 3 { print $1, $3, $2 * 7 }' left >right
mkdir -p tree/a/b/c
for i in 1 2 3 4 5 6 7 8 9; do echo "$i" | tee "tree/$i" "tree/a/b/$i" >"tree/a/b/c/$i"; done

same sort sort -n data
same sort sort --parallel=4 -S 8M -k3,3 -k1,1n data
same sort sort -S 1M -r data # many temporary files
same ls ls -lR /usr/include
same sha256sum sha256sum data left right
same md5sum md5sum data
same b2sum b2sum data
same cksum cksum data
same join join left right
same uniq bash -c 'cut -d" " -f1 left | uniq -c'
same comm comm -12 left right
same tac tac data
same shuf shuf -n 1000 --random-source=data data
same wc wc data
same od od -A x -t x1z -N 100000 data
same base64 base64 data
same split bash -c 'split -n l/7 data part. && cat part.* | cksum && rm part.*'
same factor factor 1000000007 18446744073709551615 600851475143
same tsort bash -c 'seq 1 3000 | paste -d" " - - | tsort'
same pr pr -3 left
same fmt fmt -w 50 left
same numfmt bash -c 'cut -d" " -f2 left | numfmt --to=iec'
same paste paste left right
same stat stat -c '%n %s %A' data left
same du du -a --apparent-size tree
same cp bash -c 'cp -a tree copy && find copy -type f | sort && rm -r copy'
same date date -u -d '2001-09-09 01:46:40 UTC + 3 weeks' '+%s %F'
same expr expr "$(printf '%05000d' 7)" : '0*\(.*\)'
same - env -i A=1 B=2 env
expect=1 same cmp cmp left right
expect=2 same ls ls /nonexistent
