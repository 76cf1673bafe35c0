#!/bin/bash
# SPDX-License-Identifier: MIT
# Promise: the table of `make check-all` says what happened. At the same commit, a cell that passed is
# not run again, and a cell that failed is run again. A cell that fails, that counts no test, or that
# runs fewer tests than it planned is a failure; skips have their reasons; and results of a changed
# tree count for no commit.
set -eu
top=$(cd "$(dirname "$0")/../.." && pwd)
command -v git >/dev/null || { echo 'SKIP: no git'; exit 77; }
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
mkdir -p "$tmp/tree/test"
cp "$top/test/check-all" "$tmp/tree/test/"
cd "$tmp/tree"
echo build >.gitignore
git init -q
commit() { git add -A && git -c user.name=test -c user.email=test@localhost commit -qm "$1" && commit=$(git rev-parse --short=12 HEAD); }
commit base
fail() { echo "$*" >&2; cat "$tmp/said" >&2; exit 1; }

# Runs check-all on the cells of the standard input, and expects its status and last line.
expect() {  # STATUS LAST-LINE [ARGUMENT...]
	local status=0
	cat >"$tmp/cells"
	CHECK_ALL_CELLS=$tmp/cells test/check-all "${@:3}" >"$tmp/said" 2>&1 || status=$?
	[ $status -eq "$1" ] || fail "status $status, expected $1"
	[ "$(tail -n 1 "$tmp/said")" = "$2" ] || fail "expected as the last line: $2"
}
has() { grep -qE -- "$1" "$tmp/said" || fail "not printed: $1"; }
runs() { [ "$(wc -l <"$tmp/$1")" -eq "$2" ] || fail "$1 ran $(wc -l <"$tmp/$1") times, not $2"; }

# Fails once, in its first run.
cat >"$tmp/fails_once" <<'SCRIPT'
echo x >>"$1"
echo 'guest: mapping_is_huge skipped (0 s): no huge pages here'
echo 'ok 3 - php # SKIP no php'
[ "$(wc -l <"$1")" -gt 1 ] || { echo 'not ok 1 - what_broke'; echo '6 passed, 1 failed, 2 skipped'; exit 1; }
echo '7 passed, 0 failed, 2 skipped'
SCRIPT
cells() {
	echo "unit - echo x >>$tmp/unit; echo 'a: 1 passed, 0 failed, 0 skipped'; echo 'unit: 5 passed, 0 failed, 0 skipped'"
	echo "kernels amd64-9.9 bash $tmp/fails_once $tmp/kernels; s=\$?; echo 'kernel amd64 9.9: 7 passed, 0 failed, 2 skipped'; exit \$s"
	echo "kernels amd64-9.8 echo x >>$tmp/other; echo 'g: planned=3 run=3 passed=3'; echo '2 passed, 0 failed, 0 skipped'; echo '1 passed, 0 failed, 0 skipped'"
}
cells | expect 1 "check-all: $commit cells=3 passed=2 failed=1"
has '^check-all: kernels amd64-9.9 failed; log: '
has '^not ok 1 - what_broke$'
has '^unit +- +[^ ]+ +5 +5 +5 +0 +0 +[0-9]+$'
has '^kernels +amd64-9.9 +9.9 +9 +9 +6 +1 +2 '
has '^kernels +amd64-9.8 +[^ ]+ +3 +3 +3 +0 +0 '
has '^all +- +- +17 +17 +14 +1 +2 '
has '^kernels amd64-9.9 skipped mapping_is_huge: no huge pages here$'
has '^kernels amd64-9.9 skipped php: no php$'
cells | expect 0 "check-all: $commit cells=3 passed=3 failed=0"
has '^check-all: unit - has passed at '
runs unit 1
runs kernels 2
runs other 1
tail -n 1 "$tmp/said" | cmp -s - <(tail -n 1 "build/check-all/$commit/table") ||
	fail 'the file lacks the table'

# A selection; a level that counts nothing, one without tests, and a test that did not run.
cells | expect 0 "check-all: $commit cells=2 passed=2 failed=0" kernels
cells | expect 0 "check-all: $commit cells=1 passed=1 failed=0" kernels/amd64-9.8
expect 1 "check-all: $commit cells=4 passed=0 failed=4" <<'CELLS'
silent - true
none - echo '0 passed, 0 failed, 0 skipped'
short - echo 'suite: planned=3 run=2 passed=2 failed=0 skipped=0'; echo '2 passed, 0 failed, 0 skipped'
dies - echo '2 passed, 0 failed, 0 skipped'; kill -KILL $$
CELLS

# Results belong to one commit.
touch new
cells | expect 2 "check-all: there are uncommitted changes, so the results would not be those of $commit"
commit new
echo "unit - touch newer; echo '5 passed, 0 failed, 0 skipped'" |
	expect 2 'check-all: the tree has changed while unit - ran, so its results are those of no commit'
rm newer
cells | expect 0 "check-all: $commit cells=3 passed=3 failed=0"
runs unit 2
echo 'check-all: failures, resumption, skips and changes are told'
