#!/bin/bash
# SPDX-License-Identifier: MIT
# Promise: docker, whose daemons load the library, runs containers. In an image without the library
# programs run as ever. In an image with the library they load it, and are on pinned memory if the
# container gets the device, both as root and as a member of the device's group, under docker's
# system call filter and AppArmor profile (Faults B7, B8).
. "$(dirname "$0")/../guest-common"
# shellcheck disable=SC2016 # for perl
work='my %h; $h{$_ % 977} .= "x" x ($_ % 50) for 1..50000; my $n = 0; $n = ($n * 31 + length $h{$_}) % 1000003 for 0..976;
	open M, "<", "/proc/self/maps"; my @maps = <M>; print "$n library=", !!grep(/libmalloc-pinned/, @maps), " pinned=", !!grep(/pinned_mem/, @maps), "\n"'
plain=$(without_library perl -e "$work")
here="${plain/library=/library=1}"
pinned="${here/pinned=/pinned=1}"
fail_policy=(-e MALLOC_PINNED_CONF=policy:fail)
device=(--device /dev/pinned_mem)

run() {  # EXPECTED OPTION... IMAGE
	local expected=$1
	shift
	docker run --rm "$@" perl -e "$work" >out 2>err </dev/null || fail "$*: $(cat out err)"
	[ "$(cat out)" = "$expected" ] || fail "$*: $(cat out err)"
}
silent() { run "$@" && { [ ! -s err ] || fail "$* says: $(cat err)"; }; }

systemctl start docker || fail "docker does not start: $(journalctl -b -u docker -u containerd --no-pager | tail)"
for unit in docker containerd; do has_library "$(main_pid $unit)" || fail "$unit does not have the library"; done
copy_programs image /bin/sh /bin/sleep /usr/bin/perl
tar -c -C image . | docker import - without >out 2>err || fail "import: $(cat err)"
install -D $library image$library
install -D -m 644 /etc/ld.so.preload image/etc/ld.so.preload
tar -c -C image . | docker import - with >out 2>err || fail "import: $(cat err)"

silent "$plain" without
silent "$plain" "${fail_policy[@]}" "${device[@]}" without
silent "$here" with
silent "$here" "${device[@]}" with
run "$here" -e MALLOC_PINNED_CONF=policy:fallback with
[ "$(grep -c '^pinned: ' err)" = 1 ] || fail "without the device: not one line: $(cat err)"
! docker run --rm "${fail_policy[@]}" with perl -e "$work" >out 2>err </dev/null || fail 'it starts without the device'
grep -q '^pinned: .*the program does not start' err || fail "nobody knows why: $(cat err)"
silent "$pinned" "${fail_policy[@]}" "${device[@]}" with
silent "$pinned" "${fail_policy[@]}" "${device[@]}" --user 12345 --group-add "$(stat -c %g /dev/pinned_mem)" with
run "$here" -e MALLOC_PINNED_CONF=policy:fallback "${device[@]}" --user 12345 with
grep -q '^pinned: .*no permission' err || fail "who may not open the device: $(cat err)"

# While a container runs: every process of the system has the library, including the container's;
# another program runs in the container; the container is stopped from outside.
docker run -d --name long "${fail_policy[@]}" "${device[@]}" with sleep 10000 >out 2>err || fail "in the background: $(cat err)"
pid=$(docker inspect -f '{{.State.Pid}}' long)
grep -q pinned_mem "/proc/$pid/maps" || fail 'the one in the background is not on pinned memory'
all_have_library
[ "$(docker exec long perl -e "$work")" = "$pinned" ] || fail 'the one that was put in is not'
docker kill long >out
docker rm long >out
docker rmi with without >out || fail 'the images cannot be removed'
systemctl stop docker.socket docker containerd
no_linker_error
! journalctl -b -k --no-pager | grep 'type=1326' || fail 'a filter of system calls has killed'
