#!/bin/bash
# SPDX-License-Identifier: MIT
# Protects users whose programs run short of pinned memory: the first request of a process that
# falls back to libc prints one line that says which limit to raise, or why the device cannot be
# used any more. The key quiet silences that line and similar ones. If the program has replaced
# standard error by another file, nothing is written there (Faults E28).
# shellcheck source=test/preload/common
. "$(dirname "$0")/common"
need "$cc"

cat >program.c <<'PROGRAM'
#define _GNU_SOURCE
#include <fcntl.h>
#include <grp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Twenty MiB, and a request that nobody can serve. */
static void use(void)
{
	for (int i = 0; i < 200; i++)
		memset(malloc(100000), 1, 100000);
	free(malloc((size_t)-1 / 4));
}

/* Closes all descriptors but the standard ones, as daemons do. */
static void close_all(void)
{
	for (int fd = 3; fd < 1024; fd++)
		close(fd);
}

int main(int argc, char **argv)
{
	int status = 0;

	if (argc > 1 && !strcmp(argv[1], "replaced")) {
		close(2);
		if (open("precious", O_CREAT | O_WRONLY, 0600) != 2)
			return 3;
	}
	if (argc > 1 && !strcmp(argv[1], "child")) {
		if (fork() == 0) {
			use();
			_exit(0);
		}
		if (wait(&status) < 0 || status)
			return 4;
	}
	if (argc > 1 && !strcmp(argv[1], "chroot")) {
		free(malloc(1000));
		close_all();
		if (chroot("empty") || chdir("/"))
			return 5;
	}
	if (argc > 1 && !strcmp(argv[1], "nobody")) {
		free(malloc(1000));
		close_all();
		if (setgroups(0, NULL) || setgid(65534) || setuid(65534))
			return 6;
	}
	if (argc > 1 && !strcmp(argv[1], "huge")) {
		free(malloc((size_t)-1 / 4));
		return 0;
	}
	use();
	return 0;
}
PROGRAM
"$cc" -w -O0 -fno-builtin -o program program.c
run=("$PINNED_BUILD/pinned-run" --backend "${TEST_BACKEND:-anon}")
said='pinned: pinned memory is used up: the key limit allows no more than 4194304 bytes; raise it; ordinary memory serves what does not fit'

"${run[@]}" --limit 4M ./program 2>err || fail "exit status $?"
[ "$(cat err)" = "$said" ] || fail "said: $(cat err)"
"${run[@]}" --limit 4M ./program child 2>err || fail "exit status $?"
{ [ "$(grep -cxF "$said" err)" -eq 2 ] && [ "$(wc -l <err)" -eq 2 ]; } || fail "parent and child said: $(cat err)"
for silent in '--limit 4M --quiet' '--limit 400M' '--limit 4M --max 4K'; do
	# shellcheck disable=SC2086 # options
	"${run[@]}" $silent ./program 2>err || fail "$silent: exit status $?"
	[ ! -s err ] || fail "$silent: $(cat err)"
done
"${run[@]}" --limit 4M ./program huge 2>err || fail "exit status $?"
[ ! -s err ] || fail "what nobody can serve is no shortage: $(cat err)"
"${run[@]}" --limit 4M ./program replaced 2>err || fail "exit status $?"
{ [ ! -s err ] && [ ! -s precious ]; } || fail "written to what is no longer standard error: $(cat precious)"
# told MODE WHY: after the program has lost the device, the error chooses the sentence.
told() {
	"${run[@]}" ./program "$1" 2>err || fail "$1: exit status $?"
	[ "$(cat err)" = "pinned: pinned memory is used up: $2; ordinary memory serves what does not fit" ] ||
		fail "$1: said: $(cat err)"
}
closed='the program has closed /dev/pinned_mem, which cannot be opened again'
if [ "${TEST_BACKEND:-anon}" = device ] && [ "$(id -u)" -eq 0 ]; then
	mkdir empty
	told chroot "$closed (error 2: the driver is not loaded; modprobe pinned_mem)"
	told nobody "$closed (error 13: no permission; add the user to the group pinned)"
fi
if [ "${TEST_BACKEND:-anon}" = anon ] && [ ! -e /dev/pinned_mem ]; then
	"$PINNED_BUILD/pinned-run" --backend device --quiet ./program 2>err || fail "exit status $?"
	[ ! -s err ] || fail "--quiet without a driver: $(cat err)"
fi
