#!/bin/bash
# SPDX-License-Identifier: MIT
# Protects programs that pass through, in particular those with an allocator of their own: each call
# of the malloc family reaches, once, the definition that it would reach without the shim, whichever
# library defines it. A C++ program that is linked to jemalloc or tcmalloc, like Debian's blender
# and toulbar2, frees objects by the allocator whose operator new made them. An alignment that libc
# accepts is accepted (Faults E10, E11). Such programs also run on pinned memory.
# shellcheck source=test/preload/common
. "$(dirname "$0")/common"
need "$cc" "$cxx" toulbar2
shim=$PINNED_BUILD/lib/libmalloc-pinned.so

# agrees command...: checks that the command, passing through without any configuration, behaves as
# without the shim
agrees() {
	local plain=0 status=0
	"$@" >plain.out 2>plain.err </dev/null || plain=$?
	LD_PRELOAD=$shim "$@" >through.out 2>through.err </dev/null || status=$?
	[ $status -eq $plain ] || fail "$*: exit status $status, without the shim $plain: $(tail -n 3 through.err)"
	cmp plain.out through.out || fail "$*: output differs"
	cmp plain.err through.err || fail "$*: stderr differs"
}

# An allocator, or a part of one, that prints each call. libc defines the functions that this one
# does not.
cat >next.c <<'LIBRARY'
#define _GNU_SOURCE
#include <malloc.h>
#include <string.h>
#include <unistd.h>

static char heap[1 << 22] __attribute__((aligned(4096)));
static size_t used;
static _Thread_local int is_silent;

static void say(const char *name)
{
	if (is_silent++ == 0 && (write(1, name, strlen(name)) < 0 || write(1, "\n", 1) < 0))
		__builtin_trap();
	is_silent--;
}

static void *take(size_t alignment, size_t size)
{
	used = (used + 16 + alignment - 1) & ~(alignment - 1);
	memcpy(heap + used - 16, &size, sizeof(size));
	used += size;
	return used <= sizeof(heap) ? heap + used - size : NULL;
}

void *malloc(size_t size) { say("malloc"); return take(16, size); }
void free(void *ptr)
{
	say("free");
	if (ptr && ((char *)ptr < heap || (char *)ptr >= heap + used))
		__builtin_trap();
}
#ifdef WHOLE
void *calloc(size_t count, size_t size) { say("calloc"); return take(16, count * size); }
void *realloc(void *ptr, size_t size)
{
	size_t old = 0;
	void *moved = take(16, size);

	say("realloc");
	if (ptr)
		memcpy(&old, (char *)ptr - 16, sizeof(old));
	return ptr ? memcpy(moved, ptr, old < size ? old : size) : moved;
}
void *reallocarray(void *ptr, size_t count, size_t size) { say("reallocarray"); return take(16, count * size); }
void *memalign(size_t alignment, size_t size) { say("memalign"); return take(alignment, size); }
int posix_memalign(void **result, size_t alignment, size_t size)
{
	say("posix_memalign");
	*result = take(alignment, size);
	return 0;
}
void *aligned_alloc(size_t alignment, size_t size) { say("aligned_alloc"); return take(alignment, size); }
void *valloc(size_t size) { say("valloc"); return take(4096, size); }
void *pvalloc(size_t size) { say("pvalloc"); return take(4096, size); }
void free_sized(void *ptr, size_t size) { say("free_sized"); }
void free_aligned_sized(void *ptr, size_t alignment, size_t size) { say("free_aligned_sized"); }
size_t malloc_usable_size(void *ptr) { say("malloc_usable_size"); return 77; }
int malloc_trim(size_t pad) { say("malloc_trim"); return 7; }
int mallopt(int parameter, int value) { say("mallopt"); return 8; }
struct mallinfo mallinfo(void) { say("mallinfo"); return (struct mallinfo){ .arena = 9 }; }
struct mallinfo2 mallinfo2(void) { say("mallinfo2"); return (struct mallinfo2){ .arena = 10 }; }
int malloc_info(int options, FILE *stream) { say("malloc_info"); return 11; }
void malloc_stats(void) { say("malloc_stats"); }
#endif
LIBRARY
cat >program.c <<'PROGRAM'
#define _GNU_SOURCE
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

extern void free_sized(void *ptr, size_t size) __attribute__((weak));
extern void free_aligned_sized(void *ptr, size_t alignment, size_t size) __attribute__((weak));

int main(int argc, char **argv)
{
	char line[200];
	void *object = NULL;
	int len;

	free(malloc(5));
	if (argc > 1) {
		free(realloc(calloc(2, 3), 60));
		free(reallocarray(NULL, 3, 4));
		free(memalign(64, 3));
		free(posix_memalign(&object, 64, 5) ? NULL : object);
		free(aligned_alloc(64, 64));
		free(valloc(1));
		free(pvalloc(1));
		free_sized(malloc(5), 5);
		free_aligned_sized(aligned_alloc(64, 64), 64, 64);
		malloc_stats();
		len = snprintf(line, sizeof(line), "%zu %d %d %zu %d\n", malloc_usable_size(malloc(5)), malloc_trim(0),
			       mallopt(M_MXFAST, 64), mallinfo2().arena, malloc_info(0, stdout));
		return write(1, line, len) != len;
	}
	/* Of libc, and kept: the freeing function is another's. */
	if (!calloc(2, 3) || !memalign(64, 3) || !aligned_alloc(64, 64) || !valloc(1) || malloc_trim(0) < 0)
		return 2;
	return 0;
}
PROGRAM
"$cc" -w -fno-builtin -DWHOLE -shared -fPIC -o libwhole.so next.c
"$cc" -w -fno-builtin -shared -fPIC -o libpart.so next.c
for library in whole part; do
	"$cc" -w -fno-builtin -o with_$library program.c -Wl,--no-as-needed -L. -l$library -Wl,-rpath,.
done
agrees ./with_whole all
[ "$(sort -u plain.out | grep -c '^[a-z]')" -ge 18 ] || fail "the test's allocator was not called: $(cat plain.out)"
agrees ./with_part
# The allocator is preloaded, after the shim and before the shim.
"$cc" -w -fno-builtin -o alone program.c
status=0
LD_PRELOAD=$PWD/libpart.so ./alone >plain.out || fail "exit status $?"
for order in "$PWD/libpart.so:$shim" "$shim:$PWD/libpart.so"; do
	LD_PRELOAD=$order ./alone >through.out || fail "$order: exit status $?"
	cmp plain.out through.out || fail "$order: output differs"
done

# All forms of new and delete, and objects that cross between families: from new to free, from
# malloc to realloc.
cat >operators.cc <<'PROGRAM'
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <malloc.h>
#include <new>
#include <string>
#include <thread>
#include <vector>

struct alignas(128) Wide { char bytes[200]; };

template <class T> static void pair(size_t count)
{
	T *array = new T[count], *one = new T, *quiet = new (std::nothrow) T[count];

	memset((void *)array, 1, count * sizeof(T));
	memset((void *)quiet, 1, count * sizeof(T));
	if (malloc_usable_size((void *)one) < sizeof(T) || reinterpret_cast<size_t>(array) % alignof(T))
		abort();
	delete one;
	delete[] array;
	delete[] quiet;
}

static void all()
{
	std::vector<std::string> words;

	for (size_t count = 1; count < 100000; count = count * 3 + 1) {
		pair<char>(count);
		pair<long>(count);
		pair<Wide>(count % 1000 + 1);
		words.push_back(std::string(count, 'x'));
	}
	void *crossing = operator new(1000);
	crossing = realloc(crossing, 5000);
	free(crossing);
	free(operator new(100));
	free(strdup("of libc"));
	operator delete(operator new(64, std::align_val_t(64)), 64, std::align_val_t(64));
}

int main(int argc, char **)
{
	std::thread other(all);

	all();
	other.join();
	/* mimalloc ends the program. */
	if (argc > 1)
		return 0;
	try {
		volatile size_t huge = ~size_t(0) / 4;
		char *volatile none = new char[huge];

		delete[] none;
		return 3;
	} catch (const std::bad_alloc &) {
		puts("all forms");
	}
	return 0;
}
PROGRAM
tcmalloc=$(ls /usr/lib/*/libtcmalloc_minimal.so.4 2>/dev/null || ls /usr/lib/*/libtcmalloc.so.4)
for allocator in -ljemalloc "$tcmalloc" -lmimalloc ''; do
	# shellcheck disable=SC2086 # nothing, or one word
	"$cxx" -w -std=c++17 -O1 -fno-builtin -pthread -o operators operators.cc -Wl,--no-as-needed $allocator ||
		fail "cannot link to $allocator"
	few=()
	[ "$allocator" != -lmimalloc ] || few=(few)
	agrees ./operators "${few[@]}"
	[ ${#few[@]} -gt 0 ] || [ "$(cat plain.out)" = 'all forms' ] || fail "$allocator: $(cat plain.out plain.err)"
	same - ./operators "${few[@]}"
done

# Real programs that are linked to jemalloc.
cat >problem.wcsp <<'PROBLEM'
tiny 3 2 2 100
2 2 2
2 0 1 10 1
0 0 0
2 1 2 5 1
1 1 0
PROBLEM
solve() { toulbar2 problem.wcsp -s 2>&1 | grep -E '^ ?[01 ]*$|Optimum' | sed 's/ in .*//'; }
solve >plain || fail "toulbar2: $(cat plain)"
[ -s plain ] || fail 'toulbar2 solves nothing'
LD_PRELOAD=$shim solve >through || fail 'toulbar2 does not run, passing through'
cmp plain through || fail "toulbar2: $(cat through)"
"${pinned[@]}" toulbar2 problem.wcsp -s >out 2>err || fail "toulbar2 on pinned memory: $(tail -n 3 err)"
[ "$(report err toulbar2 chunks_peak)" -gt 0 ] || fail 'toulbar2 was not on pinned memory'
if command -v blender >/dev/null; then
	cat >scene.py <<-'SCENE'
		import bpy
		bpy.ops.mesh.primitive_monkey_add()
		bpy.ops.object.modifier_add(type="SUBSURF")
		bpy.context.object.modifiers[-1].levels = 3
		graph = bpy.context.evaluated_depsgraph_get()
		print("vertices", len(bpy.context.object.evaluated_get(graph).data.vertices))
	SCENE
	draw() { "$@" blender -b --factory-startup --python scene.py 2>&1 | grep -E '^vertices'; }
	draw env >plain || fail 'blender draws nothing'
	draw env "LD_PRELOAD=$shim" >through || fail 'blender does not run, passing through'
	draw "${pinned[@]}" >out || fail 'blender does not run on pinned memory'
	{ cmp plain through && cmp plain out; } || fail "blender: $(cat through out)"
fi

cat >alignment.c <<'PROGRAM'
#include <stdio.h>
#include <stdlib.h>
int main(void)
{
	for (size_t alignment = 0; alignment < 200; alignment += 12) {
		void *object = aligned_alloc(alignment, 100);

		printf("%zu %d\n", alignment, object != NULL);
		free(object);
	}
	return 0;
}
PROGRAM
"$cc" -w -fno-builtin -o alignment alignment.c
agrees ./alignment
same alignment ./alignment
