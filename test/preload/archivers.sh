#!/bin/bash
# SPDX-License-Identifier: MIT
# Protects users of compressors and archivers, which use large and small blocks and threads:
# they behave on pinned memory as they do without the shim.
# shellcheck source=test/preload/common
. "$(dirname "$0")/common"
# gzip does not call malloc, so its report is not checked.
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
