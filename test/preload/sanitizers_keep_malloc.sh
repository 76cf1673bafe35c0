#!/bin/bash
# SPDX-License-Identifier: MIT
# Protects programs with a sanitizer: they run under the shim, which lets the sanitizer serve
# malloc. If AddressSanitizer is a shared library, the documented option is necessary; if it is
# linked statically, and for ThreadSanitizer, none is. Both still find their errors (Faults B22).
# shellcheck source=test/preload/common
. "$(dirname "$0")/common"
need gcc

cat >program.c <<'PROGRAM'
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int shared;

static void *count(void *unused)
{
	for (int i = 0; i < 1000; i++)
		shared++;
	return unused;
}

int main(int argc, char **argv)
{
	volatile int *object = malloc(40);
	char *text = strdup("of the sanitizer");
	pthread_t thread;

	free(realloc(text, 1000));

	object[argc - 1] = 1;
	free((void *)object);
	printf("%s\n", argc > 1 ? argv[1] : "good");
	fflush(stdout);
	if (argc > 1 && argv[1][0] == 'f')
		return object[1];
	if (argc > 1 && argv[1][0] == 'r') {
		pthread_create(&thread, NULL, count, NULL);
		count(NULL);
		pthread_join(thread, NULL);
	}
	return 0;
}
PROGRAM
# builds FLAGS...: returns false if this compiler does not have the sanitizer.
builds() {
	echo 'int main(void) { return 0; }' >empty.c
	gcc "$@" -o empty empty.c 2>/dev/null
}

# finds STATUS TEXT command...
finds() {
	local status=0 expected=$1 text=$2
	shift 2
	"${pinned[@]}" "$@" >out 2>err </dev/null || status=$?
	[ "$status" -eq "$expected" ] || fail "$*: exit status $status: $(tail err)"
	grep -q "$text" err || fail "$*: $(tail err)"
}

builds -fsanitize=address || skip 'no AddressSanitizer'
gcc -w -g -fsanitize=address -pthread -o shared_asan program.c
export ASAN_OPTIONS=verify_asan_link_order=0
aside "the program has a sanitizer's malloc" ./shared_asan
finds 1 'AddressSanitizer: heap-use-after-free' ./shared_asan freed
unset ASAN_OPTIONS
if builds -fsanitize=address -static-libasan; then
	gcc -w -g -fsanitize=address -static-libasan -pthread -o static_asan program.c
	aside 'the program has a malloc of its own' ./static_asan
	finds 1 'AddressSanitizer: heap-use-after-free' ./static_asan freed
fi
if builds -fsanitize=thread && ./empty; then
	gcc -w -g -fsanitize=thread -pthread -o tsan program.c
	aside "the program has a sanitizer's malloc" ./tsan
	finds 66 'ThreadSanitizer: data race' ./tsan race
fi
