#!/bin/bash
# SPDX-License-Identifier: MIT
# Protects programs that are linked to libpinned in a system that preloads the shim everywhere: if
# no configuration puts such a program on pinned memory, it behaves as without the shim, obeys
# PINNED_CONF and tries the library's backends.
# shellcheck source=test/preload/common
. "$(dirname "$0")/common"
need "$cc"
shim=$PINNED_BUILD/lib/libmalloc-pinned.so

cat >own.c <<'PROGRAM'
#include <stdio.h>
#include <stdlib.h>
#include <pinned.h>

int main(void)
{
	void *object = pinned_malloc(5000), *other = malloc(5000);

	printf("%s %d %d\n", pinned_backend(), pinned_owns(object), pinned_owns(other));
	pinned_free(object);
	free(other);
	return 0;
}
PROGRAM
"$cc" -pthread -I"$PINNED_SOURCE/include" -o own own.c -L"$PINNED_BUILD/lib" -lpinned -Wl,-rpath,"$PINNED_BUILD/lib"

# agrees ENVIRONMENT...: checks that the program behaves the same with the shim and without it
agrees() {
	env "$@" ./own >plain 2>plain.err || fail "$*: exit status $?"
	env "$@" LD_PRELOAD="$shim" ./own >out 2>err || fail "$* with the shim: exit status $?"
	cmp plain out || fail "$*: $(cat plain out)"
	cmp plain.err err || fail "$*: $(cat plain.err err)"
}
agrees PINNED_CONF=backend:anon
[ "$(cat out)" = 'anon 1 0' ] || fail "$(cat out)"
agrees PINNED_CONF=backend:anon,classes:fine,nonsense:1
agrees PINNED_CONF=backend:anon,limit:0
agrees PINNED_CONF=
agrees NOTHING=1

# If the shim's variable puts the program on pinned memory, only that variable configures the
# library.
[ "$(PINNED_CONF=nonsense:1 MALLOC_PINNED_CONF=backend:anon LD_PRELOAD=$shim ./own 2>&1)" = 'anon 1 1' ] ||
	fail 'MALLOC_PINNED_CONF is not all that counts'
