#!/bin/bash
# SPDX-License-Identifier: MIT
# Protects programs that are linked to another allocator, as Debian's redis is to jemalloc: the
# program gets all its memory from one allocator, whether it passes through or is on pinned memory,
# and malloc_usable_size() asks the allocator that the memory is from (Faults B16, B26).
# shellcheck source=test/preload/common
. "$(dirname "$0")/common"
need redis-server
cat >program.c <<'PROGRAM'
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
extern int mallctl(const char *name, void *old, size_t *len, void *value, size_t value_len);
int main(void)
{
	size_t sum = 0;

	mallctl("thread.tcache.flush", NULL, NULL, NULL, 0);
	for (size_t size = 1; size < 4 << 20; size = size * 2 + 1) {
		char *object = malloc(size);

		if (malloc_usable_size(object) < size)
			return 3;
		memset(object, 1, size);
		object = realloc(object, size * 3);
		if (malloc_usable_size(object) < size * 3)
			return 4;
		sum += object[size - 1];
		free(object);
	}
	malloc_trim(0);
	printf("%zu\n", sum);
	return 5;
}
PROGRAM
"$cc" -o program program.c -ljemalloc -Wl,--no-as-needed || fail 'no jemalloc to link to'
shim=$PINNED_BUILD/lib/libmalloc-pinned.so
status=0
LD_PRELOAD=$shim ./program >out 2>&1 || status=$?
[ $status = 5 ] || fail "passing through: exit status $status: $(cat out)"
expect=5 same - ./program
# Objects move from libc's memory to pinned memory and back.
status=0
MALLOC_PINNED_CONF=backend:anon,policy:fail,min:1000,max:100000 LD_PRELOAD=$shim ./program >out 2>&1 || status=$?
[ $status = 5 ] || fail "a window of sizes: exit status $status: $(cat out)"

LD_PRELOAD=$shim redis-server --port 0 --unixsocket "$PWD/socket" --dir "$PWD" --save '' >log 2>&1 &
server=$!
wait_until test -S socket
seq 2000 | sed 's/.*/SET key:& value&/' | redis-cli -s socket --pipe >out || fail "$(cat out log)"
grep -q 'errors: 0, replies: 2000' out || fail "$(cat out)"
redis-cli -s socket shutdown nosave || true
wait $server || fail "redis: $(tail -n 5 log)"
