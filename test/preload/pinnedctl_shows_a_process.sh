#!/bin/bash
# SPDX-License-Identifier: MIT
# Protects users of pinnedctl: its figures of an idle process equal the process's own figures and
# what the process has allocated, and each command of pinnedctl shows the process. A request that
# cannot be served fails with a reason.
# shellcheck source=test/preload/common
. "$(dirname "$0")/common"
need python3
ctl=$PINNED_BUILD/pinnedctl

mkfifo input ready
# start command...: starts the command, waits until it has allocated everything and idles, and sets
# $pid.
start() {
	"$@" <input >address 3>own.json 4>ready 2>err &
	pid=$!
	exec 9>input
	[ "$(head -c 1 ready)" = x ] || fail "it did not get ready: $(cat err)"
}

# Closes the input of the process, which then ends.
finish() {
	exec 9>&-
	wait "$pid" || fail "the watched program: exit status $?: $(cat err)"
}

# value EXPRESSION: prints an expression over d, the dump that pinnedctl printed, and h, its first
# heap.
value() {
	python3 -c "import json; d = json.load(open('outside.json')); h = d['heaps'][0]; print($1)"
}

start "${pinned[@]}" "$programs/watched"

"$ctl" stats --json "$pid" >outside.json
python3 - <<'END' || fail "pinnedctl and pinned_dump() differ: $(cat outside.json own.json)"
import json
assert json.load(open("outside.json")) == json.load(open("own.json"))
END
[ "$(value 'd["backend"]')" = "${TEST_BACKEND:-anon}" ] || fail "$(cat outside.json)"
[ "$(value '[h["limit_bytes"] for h in d["heaps"]]')" = '[None, 67108864]' ] || fail "$(cat outside.json)"
[ "$(value 'd["heaps"][1]["raw_bytes"]')" -eq $((6 << 20)) ] || fail "$(cat outside.json)"
[ "$(value '[c["out"] for c in d["heaps"][1]["classes"] if c["size"] == 64]')" = '[100]' ] || fail "$(cat outside.json)"
[ "$(value 'd["retained_bytes"]')" -eq 4096 ] || fail "$(cat outside.json)"
live=$(value '[c["out"] - c["cached"] for c in h["classes"] if c["size"] == 1024][0]')
if [ "$live" -lt 3000 ] || [ "$live" -gt 3010 ]; then fail "$live objects of 1 KiB, not 3000"; fi
[ "$(value 'h["large_bytes"]')" -eq $((10 << 20)) ] || fail "$(cat outside.json)"
[ "$(value 'h["medium_bytes"] >= 1000000')" = True ] || fail "$(cat outside.json)"

"$ctl" stats "$pid" >out
grep -q "^watched ($pid): backend " out || fail "$(cat out)"
grep -qE "^ +1024 .* $live " out || fail "$(cat out)"

# The map shows the large object with its number of chunks, and a line for each raw chunk and for
# each other chunk.
"$ctl" map "$pid" >out
grep -qE '^[0-9a-f]+ L+ 5 chunks$' out || fail "$(cat out)"
[ "$(grep -cE '^[0-9a-f]{12} R{64}$' out)" -eq 3 ] || fail "$(cat out)"
lines=$(grep -cE '^[0-9a-f]{12} [.sSm+-]{64} ' out)
[ "$lines" -eq "$(value 'sum(h["chunk_bytes"] for h in d["heaps"]) // d["chunk_size"] - 5 - 3')" ] || fail "$lines: $(cat out)"

# The table contains the process, and top ends by itself if its output is not a terminal.
"$ctl" top >out
grep -qE "^ +$pid [^ ]+ +watched +${TEST_BACKEND:-anon} " out || fail "$(cat out)"
[ "$("$ctl" top --interval 0 --count 3 | grep -c "^ *$pid ")" -eq 3 ] || fail 'not three tables'

# In Prometheus' text format each metric occurs once, and its type comes before its samples.
"$ctl" prometheus >all
"$ctl" prometheus "$pid" >out
grep -qF "pinned_process_large_bytes{pid=\"$pid\",program=\"watched\"" all || fail "$(cat all)"
python3 - <<'END' || fail "$(cat out)"
import re
typed, samples = set(), set()
for line in open("out"):
    comment = re.fullmatch(r"# (HELP|TYPE) (pinned_[a-z_]+) (.+)\n", line)
    sample = re.fullmatch(r'(pinned_[a-z_]+)(\{([a-z]+="[^"\\\n]*",?)*\})? [0-9]+\n', line)
    assert comment or sample, line
    if comment and comment[1] == "TYPE":
        assert comment[2] not in typed and comment[3] in ("gauge", "counter"), line
        assert (comment[3] == "counter") == comment[2].endswith("_total"), line
        typed.add(comment[2])
    if sample:
        assert sample[1] in typed and sample[0] not in samples, line
        samples.add(sample[0])
assert len(samples) >= 12
END
if [ -x /usr/bin/promtool ]; then
	promtool check metrics <out >said 2>&1 || fail "$(cat said)"
fi

# No line of stats and top is wider than 80 columns, apart from messages about processes.
"$ctl" stats "$pid" >out
"$ctl" top >>out
[ "$(grep -v "^process " out | awk 'length > 80' | wc -l)" -eq 0 ] || fail "wider than 80 columns: $(cat out)"
# A process that has ended is reported, and the others are still shown.
for command in stats prometheus; do
	status=0
	"$ctl" "$command" 999999999 "$pid" >all 2>said || status=$?
	[ "$status" -eq 1 ] || fail "$command: exit status $status"
	grep -q watched all || fail "$command: $(cat all)"
	[ "$(cat said)" = 'pinnedctl: there is no process 999999999' ] || fail "$command: $(cat said)"
done
# Filters and sorting, and the JSON that each command prints for programs.
"$ctl" top --filter watch --user "$(id -un)" --sort program --columns chunk_bytes,retained_bytes >out
grep -qE "^ +$pid .* 4096$" out || fail "$(cat out)"
[ "$("$ctl" top --filter 'no such program' | head -n 1)" = 'no process that may be read uses pinned memory' ] || fail 'a filter shows all'
for words in "stats $pid" "map $pid" top prometheus "prometheus $pid" check "config check $PINNED_SOURCE/src/tools/system/malloc-pinned.conf" \
	'config show sh' 'preload status'; do
	# shellcheck disable=SC2086
	"$ctl" $words --json >out 2>said || true
	python3 -c 'import json; json.loads(open("out").read())' || fail "$words --json: $(cat out said)"
	is_one_line out || fail "$words --json: $(cat out)"
done

# The physical address of an object, if the backend knows any; never a guess.
if "$ctl" v2p "$pid" "$(cat address)" >out 2>said; then
	grep -qE '^0x[0-9a-f]+$' out || fail "$(cat out)"
	[ "${TEST_BACKEND:-anon}" = device ] || fail "a physical address of anonymous memory: $(cat out)"
	python3 - "$pid" "$(cat address)" "$(cat out)" <<'END' || fail "not what pagemap says: $(cat out)"
import sys
pid, virtual, physical = (int(word, 0) for word in sys.argv[1:])
with open(f"/proc/{pid}/pagemap", "rb") as file:
    file.seek((virtual >> 12) * 8)
    frame = int.from_bytes(file.read(8), sys.byteorder) & (1 << 55) - 1
assert frame and frame << 12 | virtual & 4095 == physical, hex(frame)
END
else
	grep -q 'has no physical address' said || fail "$(cat said)"
	[ "${TEST_BACKEND:-anon}" = anon ] || fail "$(cat said)"
fi

# refused MESSAGE command...: checks that the command fails with one line that says why.
refused() {
	local status=0 message=$1
	shift
	"$ctl" "$@" >out 2>said || status=$?
	[ "$status" -eq 1 ] || fail "$*: exit status $status: $(cat out said)"
	[ ! -s out ] || fail "$*: $(cat out said)"
	is_one_line said || fail "$*: $(cat said)"
	grep -q "^pinnedctl: .*$message" said || fail "$*: $(cat said)"
}

refused 'not in pinned memory' v2p "$pid" 0x1000
finish
refused 'no process' stats "$pid"
refused 'does not use libpinned' stats $$
refused 'does not use libpinned' map $$
if [ ! -e /dev/pinned_mem ]; then
	refused 'the driver is not loaded' status
	refused 'the driver is not loaded' limits
	refused 'the driver is not loaded' reserve 4
fi
# Digits that are not ASCII, a user number that is too large, a folder, a full disk.
refused 'No such file' flame ²
refused 'there is no user' config show sh --user ²
refused 'there is no user' config show sh --user 4294967295
refused 'there is no program' config show /etc
refused 'there is no library' preload test --library ''
for words in 'prometheus' 'config show sh' 'preload test'; do
	status=0
	# shellcheck disable=SC2086
	"$ctl" $words 2>said >/dev/full || status=$?
	[ "$status" -eq 1 ] || fail "$words: exit status $status: $(cat said)"
	is_one_line said || fail "$words: $(cat said)"
	grep -q '^pinnedctl: .*No space left' said || fail "$words: $(cat said)"
done
for wrong in '' 'stats' 'stats x' 'map -1' 'nonsense' 'reserve 5X' 'reserve 3K' 'reserve --5' 'v2p 1 zz' 'top --interval -1' 'top --interval nan' \
	'top --interval 1e300' 'top --count -1'; do
	status=0
	# shellcheck disable=SC2086
	"$ctl" $wrong >out 2>said || status=$?
	[ "$status" -eq 2 ] || fail "\"$wrong\": exit status $status"
done

# A process that passes through has no pinned memory to show.
start env LD_PRELOAD="$PINNED_BUILD/lib/libmalloc-pinned.so" MALLOC_PINNED_CONF=policy:passthrough,backend:device \
	"$programs/watched"
"$ctl" map "$pid" >out
[ "$(cat out)" = "watched ($pid): no pinned memory" ] || fail "map without pinned memory: $(cat out)"
"$ctl" stats "$pid" >out
grep -q "^watched ($pid): backend none, " out || fail "stats without pinned memory: $(cat out)"
finish
