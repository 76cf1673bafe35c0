#!/bin/bash
# SPDX-License-Identifier: MIT
# Protects constructors that wait for a thread: no function of the malloc family looks up symbols
# during a call, which would wait for the dynamic linker's lock. A plugin's constructor, which runs
# under that lock, waits for a thread that makes the process's first call of malloc_usable_size,
# malloc_trim, mallinfo2, mallopt or another function, and the wait ends, both when the process
# passes through and on pinned memory (Faults E8).
# shellcheck source=test/preload/common
. "$(dirname "$0")/common"
need "$cc" timeout
shim=$PINNED_BUILD/lib/libmalloc-pinned.so

cat >plugin.c <<'LIBRARY'
#define _GNU_SOURCE
#include <malloc.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static void *call(void *unused)
{
	const char *name = getenv("CALL");
	void *object = malloc(100);

	if (!strcmp(name, "malloc_usable_size"))
		malloc_usable_size(object);
	else if (!strcmp(name, "malloc_trim"))
		malloc_trim(0);
	else if (!strcmp(name, "mallinfo"))
		mallinfo();
#if __GLIBC_PREREQ(2, 33)
	else if (!strcmp(name, "mallinfo2"))
		mallinfo2();
#else
	else if (!strcmp(name, "mallinfo2"))
		mallinfo();
#endif
	else if (!strcmp(name, "mallopt"))
		mallopt(M_MMAP_THRESHOLD, 1 << 20);
	else if (!strcmp(name, "malloc_info"))
		malloc_info(0, stdout);
	else if (!strcmp(name, "malloc_stats"))
		malloc_stats();
	else if (!strcmp(name, "reallocarray"))
		object = reallocarray(object, 10, 100);
	else if (!strcmp(name, "valloc"))
		free(valloc(10));
	else if (!strcmp(name, "pvalloc"))
		free(pvalloc(10));
	else if (!strcmp(name, "aligned_alloc"))
		free(aligned_alloc(64, 64));
	else
		abort();
	free(object);
	return unused;
}

static __attribute__((constructor)) void wait_for_thread(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, call, NULL) || pthread_join(thread, NULL))
		abort();
}
LIBRARY
cat >program.c <<'PROGRAM'
#include <dlfcn.h>
#include <stdio.h>
int main(void)
{
	if (!dlopen("./plugin.so", RTLD_NOW))
		return 3;
	puts("opened");
	return 0;
}
PROGRAM
"$cc" -w -fno-builtin -shared -fPIC -pthread -o plugin.so plugin.c
"$cc" -o program program.c -pthread -ldl
for CALL in malloc_usable_size malloc_trim mallinfo mallinfo2 mallopt malloc_info malloc_stats reallocarray valloc pvalloc \
	aligned_alloc; do
	export CALL
	LD_PRELOAD=$shim timeout 60 ./program >out 2>&1 || fail "$CALL, passing through: exit status $?"
	grep -qx opened out || fail "$CALL: $(cat out)"
	timeout 60 "${pinned[@]}" ./program >out 2>&1 || fail "$CALL, on pinned memory: exit status $?"
	grep -qx opened out || fail "$CALL: $(cat out)"
done

# Threads that start after a dlopen() give their caches back when they end.
cat >many.c <<'PROGRAM'
#include <dlfcn.h>
#include <pinned.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

static void *use(void *unused)
{
	void *objects[100];

	for (int i = 0; i < 100; i++)
		objects[i] = malloc(20000);
	for (int i = 0; i < 100; i++)
		free(objects[i]);
	return unused;
}

int main(void)
{
	int (*get)(struct pinned_stats *) = (int (*)(struct pinned_stats *))dlsym(RTLD_DEFAULT, "pinned_stats");
	struct pinned_stats before = { .size = sizeof(before) }, after = before;
	pthread_t thread;

	if (!dlopen("libm.so.6", RTLD_NOW))
		return 3;
	for (int i = 0; i < 300; i++) {
		if (pthread_create(&thread, NULL, use, NULL) || pthread_join(thread, NULL))
			return 4;
		if (i == 10 && (!get || get(&before)))
			return 5;
	}
	if (get(&after))
		return 6;
	printf("%llu %llu\n", (unsigned long long)before.cached_bytes, (unsigned long long)after.cached_bytes);
	return after.cached_bytes > before.cached_bytes + (1 << 20) || after.chunk_bytes > before.chunk_bytes + (8 << 20);
}
PROGRAM
"$cc" -w -D_GNU_SOURCE -fno-builtin -pthread -I"$PINNED_SOURCE/include" -o many many.c -ldl
"${pinned[@]}" ./many >out 2>err || fail "threads after dlopen: exit status $?: $(cat out err)"
