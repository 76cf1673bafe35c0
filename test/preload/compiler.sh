#!/bin/bash
# SPDX-License-Identifier: MIT
# Protects builds: the compiler, its passes, the linker and the programs that they build
# behave on pinned memory as they do without the shim.
# shellcheck source=test/preload/common
. "$(dirname "$0")/common"
need gcc

{
	echo '#include <stdio.h>'
	for i in $(seq 300); do
		echo "struct s$i { int a, b[$i]; double c; };"
		echo "static int f$i(struct s$i *s, int n) { for (int i = 0; i < $i; i++)"
		echo "	s->b[i] = n * i + s->a; s->c += s->b[$i - 1]; return s->b[$i / 2]; }"
	done
	echo 'int main(void) { int sum = 0;'
	for i in $(seq 300); do
		echo "	{ struct s$i s = { .a = $i }; sum += f$i(&s, sum & 1023); }"
	done
	echo '	printf("%i", sum); return 0; }'
} >big.c

same cc1 gcc -O2 -S -o - big.c
same ld bash -c 'gcc -O1 -g -o big big.c && ./big && cksum big'
echo 'int main(void) { return missing(); }' >wrong.c
expect=1 same cc1 gcc -Werror -Wall -c wrong.c
