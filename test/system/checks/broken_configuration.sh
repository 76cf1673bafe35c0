#!/bin/bash
# SPDX-License-Identifier: MIT
# Promise: a configuration file that is invalid or unreadable prevents no program from running, and
# only programs that it names report it, once each (Faults B6).
. "$(dirname "$0")/../guest-common"
! pinnedctl config check >out 2>&1 || fail 'nobody finds it wrong'
grep -q 'malloc-pinned.conf:1: ' out || fail "$(cat out)"
journalctl -b --no-pager | grep -F '/etc/malloc-pinned.conf:' >told || true
cat told
! grep -v nginx told || fail 'others than nginx were told'
systemctl is-active -q nginx || fail 'nginx does not run'
run() {  # WHAT
	python3 -c 'print(6 * 7)' >out 2>err || fail "$1: $(cat err)"
	{ [ "$(cat out)" = 42 ] && [ ! -s err ]; } || fail "$1: $(cat out err)"
	as_user ls / >out 2>err || fail "$1: $(cat err)"
	[ ! -s err ] || fail "$1: $(cat err)"
	systemctl restart cron nginx || fail "$1: a service does not start"
}
mv /etc/malloc-pinned.conf saved
mkdir /etc/malloc-pinned.conf
run 'a folder'
rmdir /etc/malloc-pinned.conf
mkfifo /etc/malloc-pinned.conf
run 'a pipe'
rm /etc/malloc-pinned.conf
ln -s /dev/zero /etc/malloc-pinned.conf
run 'a file without an end'
ln -sfn malloc-pinned.conf /etc/malloc-pinned.conf
run 'a link to itself'
rm /etc/malloc-pinned.conf
install -m 000 saved /etc/malloc-pinned.conf
{ as_user ls / >out 2>err && [ ! -s err ]; } || fail "not to be read: $(cat err)"
rm /etc/malloc-pinned.conf
run 'no file'
cp saved /etc/malloc-pinned.conf
