#!/bin/bash
# SPDX-License-Identifier: MIT
# Protects users who misspell the configuration: one line on stderr names the word that makes no
# sense, the rest of the configuration takes effect, and the program runs.
# shellcheck source=test/preload/common
. "$(dirname "$0")/common"
shim=$PINNED_BUILD/lib/libmalloc-pinned.so

# complains WORD CONFIGURATION: checks that the message names WORD and that the program is on pinned
# memory.
complains() {
	MALLOC_PINNED_CONF=backend:anon,report:1,$2 LD_PRELOAD=$shim sort --version >out 2>err ||
		fail "$2: exit status $?"
	without_report err >said
	is_one_line said || fail "$2: not one line: $(cat said)"
	grep -q '^pinned: MALLOC_PINNED_CONF: ' said || fail "$2: $(cat said)"
	grep -qF "\"$1\"" said || fail "$2: $(cat said)"
	used_pinned err sort
}

complains foo foo:1
complains foo foo
complains '' :
complains Backend Backend:device
complains floppy backend:floppy
complains perhaps policy:perhaps
complains abc min:abc
complains '' limit:
complains -1 limit:-1
complains 12X max:12X
complains 99999999999999999999 limit:99999999999999999999
complains 16777216T limit:16777216T
complains yes report:yes
complains lukewarm memory:lukewarm
complains foo foo:1,bar:2,baz:3
complains "$(printf 'x%.0s' {1..300})" "$(printf 'x%.0s' {1..300}):1"

# Empty and repeated words are not mistakes.
for fine in '' ',,' 'backend:anon' 'min:0,max:1T,limit:1G,node:any'; do
	MALLOC_PINNED_CONF=,backend:device,backend:anon,,$fine LD_PRELOAD=$shim sort --version >out 2>err
	[ ! -s err ] || fail "$fine: $(cat err)"
done

# A very long one does no harm.
MALLOC_PINNED_CONF=$(printf 'y%.0s' {1..100000}) LD_PRELOAD=$shim sort --version >out 2>err ||
	fail "exit status $?"
grep -q '^sort' out || fail 'a very long configuration'
