#!/bin/bash
# SPDX-License-Identifier: MIT
# Compressors and archivers, which allocate large blocks, threads and many small
# ones, do on pinned memory what they do without.
# shellcheck source=test/preload/common
. "$(dirname "$0")/common"
# gzip does not allocate at all.
need gzip xz tar bzip2

awk 'BEGIN { for (i = 0; i < 150000; i++) { x = (x * 1103515245 + 12345) % 2147483648
	print x, i, "word" x % 977 } }' >data
mkdir tree
split -l 1000 data tree/part.

same - gzip -9 -n -c data
gzip -c data >data.gz
same - gzip -dc data.gz
same bzip2 bzip2 -c data
same xz xz -3 -c data
same xz xz -1 -T 2 --block-size=500000 -c data
xz -1 -c data >data.xz
same xz xz -dc data.xz
same tar tar -c --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner tree
same tar bash -c 'tar -cz --sort=name --mtime=@0 tree >t.tgz && mkdir out && tar -xf t.tgz -C out &&
	diff -r tree out/tree && tar -tvf t.tgz && rm -r out'
expect=1 same xz xz -dc data.gz
