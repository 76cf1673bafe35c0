#!/bin/bash
# SPDX-License-Identifier: MIT
# Protects programs that open libraries with RTLD_DEEPBIND: such a library allocates from the
# program's pinned memory, already in its constructor, so that each may free the other's objects.
# dlopen() still finds libraries by the RUNPATH of its caller and opens namespaces, and it may be
# called from constructors, by wrappers and under an auditing library. In a process that passes
# through, the flag keeps its meaning (Faults E33).
# shellcheck source=test/preload/common
. "$(dirname "$0")/common"
need "$cc" timeout
shim=$PINNED_BUILD/lib/libmalloc-pinned.so
mkdir own inner

cat >plugin.c <<'LIBRARY'
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern const char *whose(void);
static char *kept;

/* Allocated by the C library's own malloc call, freed by this library's free. */
static __attribute__((constructor)) void begin(void)
{
	char *text = strdup("in the constructor"), *line;

	free(text);
	if (asprintf(&line, "%d", 5) != 1)
		abort();
	free(realloc(line, 1000));
	kept = malloc(100);
}

static __attribute__((destructor)) void end(void) { free(kept); }

char *plugin_give(void) { return strcpy(malloc(3000), "from the plugin"); }
void plugin_take(char *object) { free(realloc(object, 70000)); }
const char *plugin_whose(void) { return whose(); }
LIBRARY
echo 'const char *whose(void) { return "of the plugin"; }' >whose.c
cat >outer.c <<'LIBRARY'
#include <dlfcn.h>
static void *early;
static __attribute__((constructor)) void begin(void) { early = dlopen("libinner.so", RTLD_NOW | RTLD_DEEPBIND); }
void *outer_early(void) { return early; }
void *outer_open(void) { return dlopen("libinner.so", RTLD_NOW | RTLD_DEEPBIND); }
LIBRARY
cat >program.c <<'PROGRAM'
#define _GNU_SOURCE
#include <dlfcn.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *whose(void) { return "of the program"; }

#ifdef WRAPPER
static int wrapped;
void *dlopen(const char *file, int flags)
{
	void *(*next)(const char *, int) = dlsym(RTLD_NEXT, "dlopen");

	wrapped++;
	return next(file, flags);
}
#endif

static void *need(void *found, const char *name)
{
	if (!found) {
		printf("%s: %s\n", name, dlerror());
		exit(3);
	}
	return found;
}

static void use(void *plugin)
{
	char *(*give)(void) = need(dlsym(plugin, "plugin_give"), "plugin_give");
	void (*take)(char *) = need(dlsym(plugin, "plugin_take"), "plugin_take");
	int (*owns)(const void *) = dlsym(RTLD_DEFAULT, "pinned_owns");
	char *object = give();

	if (getenv("DEMAND") && !(owns && owns(object)))
		abort();
	if (malloc_usable_size(object) < 3000)
		abort();
	free(realloc(object, 9000));
	take(strdup("from the program"));
	take(NULL);
}

int main(int argc, char **argv)
{
	/* Found by this program's RUNPATH. */
	void *plugin = need(dlopen("libplugin.so", RTLD_NOW | RTLD_DEEPBIND), "libplugin.so");
	void *base = need(dlmopen(LM_ID_BASE, "libplugin.so", RTLD_NOW | RTLD_DEEPBIND), "libplugin.so in the base namespace");
	void *outer, *inner, *apart;
	const char *(*asks)(void) = need(dlsym(plugin, "plugin_whose"), "plugin_whose");

	for (int i = 0; i < 100; i++)
		use(plugin);
	use(base);
	if (argc > 1)
		puts(asks());
	/* Found by the other library's RUNPATH, and not by this program's. */
	outer = need(dlopen("libouter.so", RTLD_LAZY), "libouter.so");
	inner = need(((void *(*)(void))need(dlsym(outer, "outer_open"), "outer_open"))(), "libinner.so");
	if (((void *(*)(void))need(dlsym(outer, "outer_early"), "outer_early"))() != inner)
		return 4;
	use(inner);
	if (dlopen("libinner.so", RTLD_NOW | RTLD_DEEPBIND | RTLD_NOLOAD) != inner || dlopen("libnothing.so", RTLD_NOW | RTLD_DEEPBIND))
		return 5;
	/* A namespace has its own C library. */
	apart = need(dlmopen(LM_ID_NEWLM, "libplugin.so", RTLD_NOW | RTLD_DEEPBIND), "a namespace");
	((void (*)(char *))need(dlsym(apart, "plugin_take"), "plugin_take"))(((char *(*)(void))dlsym(apart, "plugin_give"))());
	dlclose(apart);
	dlclose(plugin);
#ifdef WRAPPER
	if (wrapped < 3)
		return 6;
#endif
	puts("crossed");
	return 0;
}
PROGRAM
cat >wrapper.c <<'LIBRARY'
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
void *dlopen(const char *file, int flags)
{
	void *(*next)(const char *, int) = dlsym(RTLD_NEXT, "dlopen");

	free(malloc(10));
	return next(file, flags);
}
LIBRARY
cat >audit.c <<'LIBRARY'
unsigned int la_version(unsigned int version) { return version; }
unsigned int la_objopen(void *map, long name_space, unsigned long *cookie) { return 3; }
LIBRARY
"$cc" -w -shared -fPIC -o own/libwhose.so whose.c
# shellcheck disable=SC2016 # for ld.so
"$cc" -w -fno-builtin -shared -fPIC -o own/libplugin.so plugin.c -Wl,--no-as-needed -Lown -lwhose -Wl,--enable-new-dtags,-rpath,'$ORIGIN'
# shellcheck disable=SC2016
"$cc" -w -fno-builtin -shared -fPIC -o inner/libinner.so plugin.c -Wl,--no-as-needed -Lown -lwhose -Wl,--enable-new-dtags,-rpath,'$ORIGIN/../own'
# shellcheck disable=SC2016
"$cc" -w -shared -fPIC -o own/libouter.so outer.c -Wl,--enable-new-dtags,-rpath,'$ORIGIN/../inner' -ldl
for wraps in '' -DWRAPPER; do
	# shellcheck disable=SC2016,SC2086
	"$cc" -w -fno-builtin -rdynamic $wraps -o "program$wraps" program.c -Wl,--enable-new-dtags,-rpath,'$ORIGIN/own' -ldl
done
"$cc" -w -shared -fPIC -o wrapper.so wrapper.c -ldl
"$cc" -w -shared -fPIC -o audit.so audit.c

# If a wrapper calls dlopen(), the RUNPATH of the wrapper counts, so libraries are not found, with
# the shim or without it.
start() { # PROGRAM command...
	local path=$PWD/own:$PWD/inner
	[ "$1" != ./program ] || path=
	shift
	timeout 60 env ${path:+"LD_LIBRARY_PATH=$path"} "$@"
}

# A process that passes through behaves as without the shim, and the flag has its own meaning.
for program in ./program ./program-DWRAPPER; do
	start $program $program whose >plain.out || fail "$program: exit status $?: $(cat plain.out)"
	start $program LD_PRELOAD="$shim" $program whose >out || fail "$program, passing through: exit status $?: $(cat out)"
	cmp plain.out out || fail "$program, passing through: $(cat out)"
	grep -qx 'of the plugin' out || fail "the flag means nothing here: $(cat out)"
done
# On pinned memory the plugin's objects are pinned.
export DEMAND=1
for program in ./program ./program-DWRAPPER; do
	start $program "${pinned[@]}" $program >out 2>err || fail "$program: exit status $?: $(cat out err)"
	grep -qx crossed out || fail "$program: $(cat out)"
	used_pinned err "${program#./}"
	start $program LD_AUDIT="$PWD/audit.so" "${pinned[@]}" $program >out 2>err || fail "$program with an auditing library: exit status $?: $(cat out err)"
	grep -qx crossed out || fail "$program: $(cat out)"
done
for MALLOC_PINNED_CONF in '' "backend:${TEST_BACKEND:-anon}"; do
	[ -z "$MALLOC_PINNED_CONF" ] || export MALLOC_PINNED_CONF
	[ -n "$MALLOC_PINNED_CONF" ] || unset DEMAND
	for order in "$PWD/wrapper.so:$shim" "$shim:$PWD/wrapper.so"; do
		timeout 60 env LD_PRELOAD="$order" ${MALLOC_PINNED_CONF:+DEMAND=1} LD_LIBRARY_PATH="$PWD/own:$PWD/inner" ./program >out 2>err ||
			fail "$order ${MALLOC_PINNED_CONF-}: exit status $?: $(cat out err)"
	done
done
