#!/bin/bash
# SPDX-License-Identifier: MIT
# Protects users of heap profiles: a profile gives each call site its share of the live bytes, at
# exit, while the program runs and in a forked child, for pprof and for pinnedctl; and programs
# behave the same with a profile as without one.
# shellcheck source=test/preload/common
. "$(dirname "$0")/common"
need python3 addr2line
ctl=$PINNED_BUILD/pinnedctl
profiled=$programs/profiled

# has_shares FILE: checks the shares in a file of folded stacks: alpha 6 MB, beta 3, gamma_site 1,
# delta nothing, within the statistical error of so many samples.
has_shares() {
	python3 - "$1" <<'END' || fail "$1: $(cat "$1")"
import sys
sums = {}
for line in open(sys.argv[1]):
    stack, size = line.rsplit(" ", 1)
    frames = stack.split(";")
    sums[frames[-1]] = sums.get(frames[-1], 0) + int(size)
    if frames[-1] in ("alpha", "beta", "gamma_site", "delta"):
        assert frames[-2] == "main", line
for name, size in (("alpha", 6e6), ("beta", 3e6), ("gamma_site", 1e6)):
    assert abs(sums[name] / size - 1) < 0.25, (name, sums)
assert "delta" not in sums, sums
END
}

# At exit the profile goes to a file with the process's number in its name.
"${pinned[@]}" --profile 4K --profile-file heap.%p.txt -- "$profiled" 2>err || fail "$(cat err)"
set -- heap.*.txt
[ $# -eq 1 ] || fail "files: $*"
[ "$1" = "heap.$(sed 's/.* pid=\([0-9]*\) .*/\1/' err).txt" ] || fail "$1: $(cat err)"
[ "$(stat -c %a "$1")" = 600 ] || fail "others may read addresses: $(ls -l "$1")"
"$ctl" flame "$1" >folded
has_shares folded

if command -v google-pprof >/dev/null; then
	google-pprof --text "$profiled" "$1" >text 2>said || fail "$(cat said)"
	# The first column contains the megabytes that the function itself has, the last one its
	# name.
	awk '{ size[$NF] = $1 }
		function is(name, mb) { if (size[name] < mb * 0.75 || size[name] > mb * 1.25) exit 1 }
		END { is("alpha", 5.7); is("beta", 2.9); is("gamma_site", 0.95) }' text || fail "$(cat text)"
	google-pprof --text --alloc_space "$profiled" "$1" 2>said | grep -q ' delta$' || fail "$(cat said)"
fi

# A running program is profiled from inside and from outside, and so is a forked child, which has
# its parent's objects.
mkfifo input ready
for how in stay fork; do
	"${pinned[@]}" --profile 4K -- "$profiled" $how <input >out 3>inside 4>ready 2>err &
	pid=$!
	exec 9>input
	[ "$(head -c 1 ready)" = x ] || fail "$how: $(cat err)"
	"$ctl" flame inside >folded_inside
	has_shares folded_inside
	if [ $how = stay ]; then
		"$ctl" flame "$pid" >folded
		cmp folded folded_inside || fail "from inside and from outside: $(cat folded folded_inside)"
	fi
	exec 9>&-
	wait "$pid" || fail "$how: exit status $?: $(cat err)"
done

# Without a profile there is nothing to show, and a message says so.
"${pinned[@]}" -- "$profiled" stay </dev/null 3>inside 4>/dev/null 2>err &
wait $! && fail 'a dump without a profile'
[ ! -s inside ] || fail "$(cat inside)"
if "$ctl" flame inside 2>said; then fail 'no profile, and no error'; fi
grep -q 'is no heap profile' said || fail "$(cat said)"

# Unmodified programs with threads, C++ and forks, with nearly every allocation as a sample.
pinned+=(--profile 64 --profile-file "$PWD/program.%p")
seq 30000 | tac >numbers
same sort sort -n numbers
same python3 python3 -c 'import threading, os
def work():
    x = [bytes(i) for i in range(3000)]
threads = [threading.Thread(target=work) for _ in range(4)]
for thread in threads: thread.start()
if os.fork() == 0: os._exit(0)
for thread in threads: thread.join()
print(os.wait()[1])'
cat >throws.cc <<'END'
#include <cstdio>
#include <stdexcept>
#include <string>
int main()
{
	int caught = 0;
	for (int i = 0; i < 100; i++)
		try { throw std::runtime_error(std::string(i, 'x')); } catch (std::exception &e) { caught++; }
	std::printf("%d\n", caught);
}
END
"$cxx" -O1 -o throws throws.cc
same throws ./throws
for file in program.*; do
	"$ctl" flame "$file" >folded || fail "$file: $(cat folded)"
	head -n 1 "$file" | grep -qE '^heap profile: [0-9]+: [0-9]+ \[[0-9]+: [0-9]+\] @ heap_v2/64$' || fail "$(head -n 1 "$file")"
done
