#!/bin/bash
# SPDX-License-Identifier: MIT
# Promise: on a system with the real driver, `pinnedctl check` reports a healthy system as such, and
# detects reached limits, a policy, an IOMMU, missing huge pages, and a kernel that refuses an
# unsigned module or one with an unknown signature (Faults B7). test/qemu/check runs this in guests,
# and names the guest in TEST_GUEST: driver, iommu, small-pages, refuses or locked. The last two
# also get TEST_MODULE, a file, and refuses gets TEST_SIGN_FILE, the kernel's signing program.
# shellcheck source=test/preload/common
. "$(dirname "$0")/../preload/common"
ctl=$PINNED_BUILD/pinnedctl
parameters=/sys/module/pinned_mem/parameters
as=(env)

# Uses the guest's own system, except for files that come from the host's file system.
export PINNEDCTL_ROOT=$PWD/root
mkdir -p root/etc root/lib/modules
for folder in sys proc dev; do ln -s /$folder root/$folder; done
echo 'pinned:x:4242:' >root/etc/group

finds() {  # KIND SUBJECT TEXT
	local status=0
	"${as[@]}" "$ctl" check >out 2>err || status=$?
	grep -E "^$1 +$2 " out | grep -qF -- "$3" || fail "no \"$1 $2 ... $3\" in:" "$(cat out err)"
	[ $status = "$(grep -cm 1 ^FAULT out)" ] || fail "exit status $status:" "$(cat out)"
}

case ${TEST_GUEST:?} in
driver)
	finds FAULT device 'does not belong to the group pinned'
	chgrp 4242 /dev/pinned_mem
	finds ok driver 'loaded, version'
	finds ok device 'belongs to the group pinned'
	finds ok interface 'version 1'
	finds ok addresses 'their own memory'
	finds ok iommu none
	finds ok memory 'contiguous and free'
	! grep ^FAULT out || fail 'faults in a sound system'
	"$ctl" reserve 2 >out
	finds ok reserve '2 chunks, 2 free'
	nobody=(setpriv --reuid 65534 --regid 65534)
	as=("${nobody[@]}" --clear-groups)
	finds FAULT user 'is not in the group pinned'
	as=("${nobody[@]}" --groups 4242)
	finds ok user 'may open it'
	echo 1 >$parameters/strict_phys
	finds note addresses 'knows no address'
	echo 0 >$parameters/strict_phys
	as=(env)
	# Starts a program that holds at least one chunk, and waits for this script.
	mkfifo hold held
	"$PINNED_BUILD/pinned-run" --backend device --policy fail -- bash -c 'echo >held; read -r _ <hold' &
	read -r _ <held
	for limit in limit user_limit pool_limit; do
		old=$(cat $parameters/${limit}_chunks)
		echo 1 >$parameters/${limit}_chunks
		case $limit in
		limit) finds FAULT limit 'all 1 chunks that programs may hold' ;;
		user_limit) finds FAULT 'user limit' 'you have all 1 chunks' ;;
		pool_limit) finds FAULT 'pool limit' "process $!;" ;;
		esac
		echo "$old" >$parameters/${limit}_chunks
	done
	echo >hold
	wait
	"$ctl" reserve 0 >out
	;;
iommu) finds note iommu 'translated addresses' ;;
small-pages)
	finds note pages 'mapped by small ones'
	finds note 'huge pages' 'none in this kernel'
	;;
refuses | locked)
	# securityfs shows the lockdown.
	mount -t securityfs none /sys/kernel/security
	folder=root/lib/modules/$(uname -r)
	mkdir -p "$folder/extra"
	cp "$TEST_MODULE" "$folder/extra/pinned_mem.ko"
	echo 'extra/pinned_mem.ko:' >"$folder/modules.dep"
	finds FAULT driver 'takes signed modules only; the module is not signed'
	! insmod "$folder/extra/pinned_mem.ko" || fail 'the kernel took a module without a signature'
	finds FAULT driver 'refused the module since it is not signed'
	# Under lockdown, the kernel treats an unknown signature as none.
	[ "$TEST_GUEST" = refuses ] || exit 0
	openssl req -new -x509 -newkey rsa:2048 -nodes -subj /CN=stranger/ -days 9 -keyout key -outform DER -out cert 2>/dev/null
	"$TEST_SIGN_FILE" sha256 key cert "$folder/extra/pinned_mem.ko"
	! insmod "$folder/extra/pinned_mem.ko" || fail "the kernel took a stranger's module"
	finds FAULT driver 'does not know who signed it; enrol'
	;;
esac
