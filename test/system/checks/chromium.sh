#!/bin/bash
# SPDX-License-Identifier: MIT
# Promise: chromium, with its own allocator and its sandbox of namespaces and seccomp, renders a
# page (Faults B8, B16).
. "$(dirname "$0")/../guest-common"
chmod 777 .
echo '<html><body><script>document.body.append("six times seven is " + 6 * 7)</script></body></html>' >page.html
as_user env HOME="$PWD" timeout 1200 chromium-headless-shell --disable-gpu --timeout=600000 --dump-dom "file://$PWD/page.html" >out 2>err ||
	fail "chromium: $(tail -n 20 err)"
grep -q 'six times seven is 42' out || fail "no page: $(cat out; tail -n 20 err)"
! grep -E 'ld\.so|pinned: ' err || fail "chromium says: $(cat err)"
! journalctl -b -k --no-pager | grep 'type=1326' || fail 'a filter of system calls has killed'
