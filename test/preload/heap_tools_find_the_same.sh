#!/bin/bash
# SPDX-License-Identifier: MIT
# Protects users of tools that watch or replace malloc: ltrace, heaptrack, memusage, glibc's mtrace
# and Electric Fence find in a program with the shim what they find without it. The tools work from
# outside, or by libraries that are preloaded before the shim, as LD_PRELOAD comes before
# /etc/ld.so.preload (Faults B22).
# shellcheck source=test/preload/common
. "$(dirname "$0")/common"
need ltrace heaptrack memusage mtrace "$cc"

cat >program.c <<'PROGRAM'
#include <mcheck.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	char *volatile objects[50], *volatile object;

	mtrace();
	for (int i = 0; i < 50; i++)
		objects[i] = malloc(i * i * 100 + 1);
	for (int i = 0; i < 50; i++)
		free(objects[i]);
	object = calloc(10, 1600);
	if (!strcmp(what, "overrun"))
		object[16000] = 1;
	if (strcmp(what, "leak"))
		free(object);
	puts("done");
	return 0;
}
PROGRAM
"$cc" -g -O0 -fno-builtin -o program program.c
before() { # LIBRARY PROGRAM ARG...: $command runs it with this library before what is preloaded
	local library=$1
	shift
	# shellcheck disable=SC2016 # for the inner shell
	command=(sh -c 'export LD_PRELOAD="$0${LD_PRELOAD:+:$LD_PRELOAD}"; exec "$@"' "$library" "$@")
}

same program ltrace -e malloc+free -o calls ./program
[ "$(grep -c 'program->malloc(' calls)" = 50 ] || fail "ltrace: $(cat calls)"

for what in none leak; do
	"${pinned[@]}" heaptrack -o "$what" ./program $what >out 2>err || fail "heaptrack: $(cat out err)"
	used_pinned err program
	sed -n 's/^.*leaked allocations:[^0-9]*//p' out err >"$what.leaked"
done
[ "$(cat leak.leaked)" = $(($(cat none.leaked) + 1)) ] || fail "heaptrack: $(cat none.leaked leak.leaked)"

before libmemusage.so ./program
"${pinned[@]}" "${command[@]}" >out 2>err || fail "memusage: $(cat out err)"
used_pinned err program
grep -q '^16000-16015 *1 ' err || fail "memusage: $(cat err)"

export MALLOC_TRACE=$PWD/trace
for what in none leak; do
	before libc_malloc_debug.so.0 ./program $what
	same - "${command[@]}"
	mtrace program trace >$what.mtrace || [ $what = leak ] || fail "mtrace: $(cat $what.mtrace)"
done
grep -q '0x3e80 ' leak.mtrace || fail "mtrace finds no leak: $(cat leak.mtrace)"
unset MALLOC_TRACE

before libefence.so.0.0 ./program
same - "${command[@]}"
before libefence.so.0.0 ./program overrun
expect=139 same - "${command[@]}"
