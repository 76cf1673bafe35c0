#!/bin/bash
# SPDX-License-Identifier: MIT
# Promise: `make lint` refuses what CONTRIBUTING.md forbids, and names the file, the line and the
# rule. The test makes one mistake at a time in a copy of the tree that passes lint without the
# mistake.
set -eu
top=$(cd "$(dirname "$0")/../.." && pwd)
for program in git ctags-universal python3 nm make; do
	command -v $program >/dev/null || { echo "SKIP: no $program"; exit 77; }
done
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
copy=$tmp/tree
mkdir -p "$copy/build"
git -C "$top" ls-files -c -o --exclude-standard | while read -r file; do
	[ ! -e "$top/$file" ] || echo "$file"
done | tar -C "$top" -cf - -T - | tar -C "$copy" -xf -
cp -pr "$top/build/obj" "$top/build/need" "$copy/build/"
cd "$copy"
git init -q
git add -A
git -c user.name=test -c user.email=test@localhost commit -qm base
failures=0 count=0
fail() {
	echo "$*" >&2
	failures=$((failures + 1))
}

# refuses STEP EXPECTED: checks that the step of lint refuses the current change with a line that
# matches the pattern, and then undoes the change.
refuses() {
	count=$((count + 1))
	if test/lint/run "$1" >"$tmp/said" 2>&1; then
		fail "case $count, $1: accepted; expected: $2"
	elif ! grep -qE "^$2" "$tmp/said"; then
		fail "case $count, $1: refused otherwise; expected: $2" "$(head -n 5 "$tmp/said")"
	fi
	git reset -q --hard
	git clean -qfd
}

test/lint/run places layers functions statistics faults >"$tmp/said" 2>&1 || {
	cat "$tmp/said"
	fail 'the tree is refused as it is'
}

# Places and tests.
mkdir src/lib/misc
echo 'int unknown;' >src/lib/misc/unknown.c
refuses layers 'src/lib/misc/unknown\.c:1: place: '
echo 'int unknown;' >src/kernel/unknown.c
refuses layers 'src/kernel/unknown\.c:1: place: '
echo 'int unknown;' >src/shim/unknown.c
refuses layers 'src/shim/unknown\.c:1: place: '
echo unknown >examples/unknown.txt
refuses places 'examples/unknown\.txt:1: place: '
printf '#!/bin/sh\ntrue\n' >test/unit/not_run.sh
refuses places 'test/unit/not_run\.sh:1: registered: '
echo 'int main(void) { return 0; }' >test/preload/programs/not_run.c
refuses places 'test/preload/programs/not_run\.c:1: registered: '
echo no_such_test >>test/qemu/on-device
refuses places "test/qemu/on-device:$(wc -l <test/qemu/on-device): registered: "

# Includes and uses.
line_after() { echo $(($(wc -l <"$1") + 1)); }
at=$(line_after src/lib/os/die.c)
echo '#include "api/range.h"' >>src/lib/os/die.c
refuses layers "src/lib/os/die\.c:$at: upward: includes api/range\.h"
at=$(line_after src/kernel/quota.c)
echo 'struct pinned_pool *upward(void) { return pinned_pool_create(); }' >>src/kernel/quota.c
refuses layers "src/kernel/quota\.c:$at: upward: uses pinned_pool_create of pool"
echo '#include "nowhere.h"' >>src/kernel/quota.c
refuses layers "src/kernel/quota\.c:$at: include: "
echo 'static inline void *upward(void) { return &pn_heap; }' >>src/lib/arena/v2p.h
refuses layers 'src/lib/arena/v2p\.h:[0-9]*: upward: uses pn_heap of chunk/heap'
# pages.c already uses slots.c, so a use of pages.c by slots.c makes a circle.
echo 'size_t circle(void); size_t circle(void) { return pn_pages_take_locked(NULL, 0, 0, NULL); }' >>src/lib/chunk/slots.c
sed -i '0,/^#include/s//#include "chunk\/pages.h"\n&/' src/lib/chunk/slots.c
make -s build/obj/lib/chunk/slots.o >"$tmp/said" 2>&1 || fail "the circle does not compile: $(cat "$tmp/said")"
refuses layers 'src/lib/chunk/[a-z]*\.c:[0-9]*: circle: .*pages uses .*slots uses pn_pages_take_locked|src/lib/chunk/[a-z]*\.c:[0-9]*: circle: .*slots uses pn_pages_take_locked'
cp -pr "$top/build/obj" build/

# Functions.
{
	echo 'static int unasserted_locked(void)'
	echo '{'
	echo '	return 0;'
	echo '}'
} >unasserted
for file in src/lib/os/die.c src/kernel/quota.c; do
	at=$(line_after $file)
	cat unasserted >>$file
	refuses functions "$file:$at: locked: unasserted_locked "
	[ -e unasserted ] || printf 'static int unasserted_locked(void)\n{\n\treturn 0;\n}\n' >unasserted
done
rm -f unasserted
{
	echo 'int much_too_long(void)'
	echo '{'
	for _ in $(seq 60); do echo; done
	echo '}'
} >>src/lib/os/die.c
refuses functions 'src/lib/os/die\.c:[0-9]*: length: much_too_long '

# Statistics and faults.
at=$(grep -n 'uint64_t punch_calls;' include/pinned.h | cut -d: -f1)
sed -i "${at}i\\	uint64_t undocumented_bytes;" include/pinned.h
refuses statistics "include/pinned\.h:$at: statistic: undocumented_bytes "
sed -i '0,/^A1 .*/s//&\n    owed/' test/lint/faults.txt
refuses faults 'test/lint/faults\.txt:[0-9]*: faults: delete this line'
echo 'E99 a fault that nobody tests' >>test/lint/faults.txt
refuses faults 'test/lint/faults\.txt:[0-9]*: faults: no test names E99 '
sed -i '0,/(Faults/s//(Faults E98,/' test/preload/bash.sh
refuses faults 'test/preload/bash\.sh:[0-9]*: faults: names E98'

echo "$count mistakes, $failures accepted or refused otherwise"
[ $failures = 0 ] && [ $count -ge 18 ]
