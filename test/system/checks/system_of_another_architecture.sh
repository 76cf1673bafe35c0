#!/bin/bash
# SPDX-License-Identifier: MIT
# Promise: in a system of another architecture, entered by chroot or by systemd-nspawn, that
# contains neither the library nor an entry for it, programs run as without the library, and get no
# message. If that system gets this system's /etc/ld.so.preload, each program prints the dynamic
# linker's line, and works (Faults B7, B23).
. "$(dirname "$0")/../guest-common"
system=/opt/i386
# shellcheck disable=SC2016 # for perl
work='my %h; $h{$_ % 977} .= "x" x ($_ % 50) for 1..100000; my $n = 0; $n = ($n * 31 + length $h{$_}) % 1000003 for 0..976; print "$n\n"'
in_it() {
	same "$@"
	! grep -E 'ld\.so|pinned' err >&2 || fail "$*: it was told something"
}

[ "$(chroot $system dpkg --print-architecture)" = i386 ] || fail 'that is not another architecture'
in_it chroot $system perl -e "$work"
in_it chroot $system dpkg -l
in_it chroot $system sh -c 'seq 50000 | sort -r | tail -n 1; tar -c /etc | gzip -1n | gzip -dc | tar -t | wc -l'
in_it chroot $system apt-get --version
in_it runuser -u tester -- unshare --user --map-root-user chroot $system dpkg --print-architecture
in_it systemd-nspawn -q --register=no --keep-unit --link-journal=no --personality=x86 -D $system --pipe perl -e "$work"

cp /etc/ld.so.preload $system/etc/
chroot $system perl -e "$work" >out 2>err || fail "with the entry: $(cat err)"
rm $system/etc/ld.so.preload
without_library chroot $system perl -e "$work" >expected
cmp expected out || fail 'with the entry: another output'
[ "$(grep -c '^ERROR: ld.so: object .*libmalloc-pinned.so.* cannot be preloaded' err)" = "$(wc -l <err)" ] || fail "with the entry it says: $(cat err)"
