#!/bin/bash
# SPDX-License-Identifier: MIT
# Promise: tcpdump, which drops root's rights and has an AppArmor profile, captures and reads
# packets as without the library (Faults B7, B31).
. "$(dirname "$0")/../guest-common"
grep -q 'tcpdump (enforce)' /sys/kernel/security/apparmor/profiles || fail 'tcpdump has no profile here'
rm -f /tmp/packets.pcap
tcpdump -i lo -n -U -c 4 -w /tmp/packets.pcap icmp >out 2>err &
pid=$!
listens() { grep -q 'listening on lo' err; }
wait_until listens
has_library $pid || fail 'tcpdump does not have the library'
ping -c 2 -W 20 127.0.0.1 >replies
wait $pid || fail "tcpdump: $(cat out err)"
! grep -E 'ld\.so|pinned' err || fail 'it was told something'
tcpdump -n -r /tmp/packets.pcap >out 2>err || fail "tcpdump: $(cat out err)"
[ "$(grep -c 'ICMP echo' out)" = 4 ] || fail "the packets: $(cat out err)"
! journalctl -b --no-pager | grep -E 'apparmor="DENIED".*tcpdump' || fail 'it was denied something'
