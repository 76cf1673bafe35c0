#!/bin/bash
# SPDX-License-Identifier: MIT
# Protects administrators: `pinnedctl check` finds what keeps programs from pinned memory (a driver
# that is missing, refused or of another version, permissions, too little memory, a limit, an IOMMU)
# and says how to cure the fault. The test runs on an imitated system with one fault at a time
# (Faults B7, B38). test/device/pinnedctl_check.sh tries the real driver.
# shellcheck source=test/preload/common
. "$(dirname "$0")/common"
need python3 setpriv "$cc"
[ "$(id -u)" = 0 ] || skip 'only root can make a device'
ctl=$PINNED_BUILD/pinnedctl
export PINNEDCTL_ROOT=$PWD/root
kernel=6.1.0-99-test
sys=root/sys/class/misc/pinned_mem parameters=root/sys/module/pinned_mem/parameters
modules=root/lib/modules/$kernel module=root/lib/modules/$kernel/updates/dkms/pinned_mem.ko
source=root/usr/src/pinned-mem-1.0 tree=root/var/lib/dkms/pinned-mem/1.0

# A library that answers the request INFO in place of the driver, as the environment says.
cat >info.c <<'END'
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "pinned_mem.h"
static unsigned long told(const char *name) { return getenv(name) ? strtoul(getenv(name), NULL, 0) : 0; }
int ioctl(int fd, unsigned long request, ...)
{
	va_list args;
	struct pinned_mem_info *info;

	va_start(args, request);
	info = va_arg(args, struct pinned_mem_info *);
	va_end(args);
	if ((unsigned int)request != PINNED_MEM_IOC_INFO)
		return syscall(SYS_ioctl, fd, request, info);
	errno = info->size != sizeof(*info) ? EPROTO : (int)told("INFO_ERRNO");
	if (errno)
		return -1;
	info->abi_version = getenv("INFO_ABI") ? told("INFO_ABI") : PINNED_MEM_ABI_VERSION;
	info->features = getenv("INFO_FEATURES") ? told("INFO_FEATURES") : ~0U;
	info->user_chunks = told("INFO_USER_CHUNKS");
	return 0;
}
END
"$cc" -shared -fPIC -I "$PINNED_SOURCE/include/uapi" -o info.so info.c

# The command that starts pinnedctl; a test may replace it, for example by one that changes the
# user.
as=(env)
check() { "${as[@]}" env LD_PRELOAD="$PWD/info.so" "$ctl" check >out 2>err; }
shown() { printf '%s\n' "$1" "$(cat out err)"; }

# finds KIND SUBJECT TEXT: checks that the output has one such line; the exit status is 1 if KIND is
# a fault, else 0.
finds() {
	local status=0
	check || status=$?
	grep -E "^$1 +$2 " out | grep -qF -- "$3" || fail "$(shown "no \"$1 $2 ... $3\" in:")"
	if grep -q ^FAULT out; then
		[ $status = 1 ] || fail "$(shown "exit status $status with a fault:")"
		[ "$(cat err)" = "pinnedctl: faults: $(grep -c ^FAULT out)" ] || fail "$(shown 'not counted:')"
	else
		[ $status = 0 ] || fail "$(shown "exit status $status without a fault:")"
	fi
	! grep -vE '^(ok|note|FAULT) +[a-z ]+ .*[a-z0-9)]$' out || fail "$(shown 'a line of another form:')"
}
faults() { finds FAULT "$@"; is_only_fault; }
is_only_fault() { [ "$(grep -c ^FAULT out)" -eq 1 ] || fail "$(shown 'not one fault:')"; }

# Makes a system without any fault.
sound() {
	rm -rf root
	mkdir -p $sys $parameters $modules/build $modules/updates/dkms $source $tree root/proc/self root/proc/sys/kernel \
		root/dev root/etc root/sys/kernel/mm/transparent_hugepage root/sys/fs/cgroup/a/b root/var/lib/dpkg
	echo $kernel >root/proc/sys/kernel/osrelease
	echo quiet >root/proc/cmdline
	echo '0::/a/b' >root/proc/self/cgroup
	printf 'CapEff:\t0000000000000000\nTHP_enabled:\t1\n' >root/proc/self/status
	echo 'Node 0, zone   Normal      9      8      7      6      5      4      3      2      1      4      7' >root/proc/buddyinfo
	printf '\0version=1.0\0vermagic=%s SMP\0' $kernel >$module
	echo 'updates/dkms/pinned_mem.ko:' >$modules/modules.dep
	echo 'PACKAGE_VERSION=1.0' >$source/dkms.conf
	echo 'pinned:x:4242:other,nobody' >root/etc/group
	: >root/dev/kmsg
	echo 1.0 >root/sys/module/pinned_mem/version
	echo 512 >$parameters/limit_chunks
	for name in user_limit_chunks pool_limit_chunks; do echo 0 >$parameters/$name; done
	for name in strict_phys use_memlock; do echo N >$parameters/$name; done
	for name in used_chunks reserve_chunks reserve_free_chunks; do echo 8 >$sys/$name; done
	for name in snapshot_pages resting_chunks carveout_free_chunks; do echo 0 >$sys/$name; done
	echo 1:3 >$sys/dev
	mknod root/dev/pinned_mem c 1 3
	chown 0:4242 root/dev/pinned_mem
	chmod 660 root/dev/pinned_mem
}
unloaded() { sound; rm -r root/sys/class root/sys/module root/dev/pinned_mem; }

sound
{ : <root/dev/pinned_mem; } 2>/dev/null || skip 'devices cannot be made here'
check || fail "$(shown 'a sound system:')"
! grep ^FAULT out || fail 'faults in a sound system'
finds ok driver 'loaded, version 1.0'
finds ok device 'belongs to the group pinned'
finds ok interface 'version 1'
finds ok addresses 'their own memory'
finds ok reserve '8 chunks, 8 free'
finds ok memory '18 chunks'
finds ok limit '8 of 512'
finds ok iommu none
finds ok 'huge pages' 'has them'

# The kernel's log says that forked children were killed.
sound
printf '4,1,2,-;%s\n' 'pinned_mem: SIGBUS for first one (pid 7): no memory to copy what it inherited by fork' \
	'pinned_mem: SIGBUS for worker (pid 8): no memory to copy what it inherited by fork' >root/dev/kmsg
finds note children 'worker (pid 8), and 1 before it got SIGBUS'

# The driver: not installed, not built, not loaded.
unloaded
rm -r $module $source
faults driver 'apt install pinned-mem-dkms'
unloaded
rm -r $module $modules/build
faults driver "its headers are missing; apt install linux-headers-$kernel"
unloaded
rm $module
faults driver "dkms install pinned-mem/1.0 -k $kernel builds it, or prints why not"
mkdir -p $tree/build
printf 'CC x.o\nx.c:3:4: error: no such thing\n' >$tree/build/make.log
faults driver 'failed: "x.c:3:4: error: no such thing"; see /var/lib/dkms/pinned-mem/1.0/build/make.log'
mkdir -p $tree/$kernel/x86_64
faults driver "built, but not installed for kernel $kernel; dkms install"
unloaded
faults driver 'not loaded; modprobe pinned_mem'
: >$modules/modules.dep
faults driver 'depmod -a'
unloaded
printf '\0vermagic=5.5.5 SMP\0' >$module
faults driver "is for kernel 5.5.5; dkms build --force pinned-mem/1.0 -k $kernel && dkms install --force pinned-mem/1.0 -k $kernel"
unloaded
for mark in run/systemd/container .dockerenv run/.containerenv; do
	mkdir -p "root/$(dirname $mark)" && echo lxc >root/$mark
	faults driver 'this is a container'
	rm root/$mark
done

# ... or the system's configuration forbids to load the driver.
unloaded
mkdir -p root/etc/modprobe.d
echo 'blacklist pinned_mem_other' >root/etc/modprobe.d/a.conf
faults driver 'not loaded; modprobe pinned_mem'
echo ' blacklist pinned_mem' >>root/etc/modprobe.d/a.conf
faults driver '/etc/modprobe.d/a.conf forbids loading the module'
echo 'install pinned_mem /bin/false' >root/etc/modprobe.d/a.conf
faults driver '/etc/modprobe.d/a.conf forbids loading the module'
rm root/etc/modprobe.d/a.conf
echo 'quiet modprobe.blacklist=floppy,pinned_mem' >root/proc/cmdline
faults driver "modprobe.blacklist=floppy,pinned_mem on the kernel's command line"

# ... or the driver was refused: by Secure Boot (according to the kernel's log, or predicted), by
# the kernel, or by itself.
refused() {  # LOG-LINE TEXT
	unloaded
	printf '5,1,2,-;%s\n' 'pinned_mem: Unknown symbol older (err -2)' "$1" '5,1,2,-;something else' >root/dev/kmsg
	faults driver "$2"
}
refused 'Loading of unsigned module is rejected' "since it is not signed; dkms build --force pinned-mem/1.0 -k $kernel && dkms install --force pinned-mem/1.0 -k $kernel signs it, then enrol"
refused 'Lockdown: modprobe: unsigned module loading is restricted; see man kernel_lockdown.7' 'mokutil --import /var/lib/dkms/mok.pub'
refused 'Loading of module with unavailable key is rejected' 'does not know who signed it; enrol'
refused 'pinned_mem: Unknown symbol foo (err -2)' '"Unknown symbol foo"; it was built for another one'
refused 'pinned_mem: disagrees about version of symbol foo' '"disagrees about version of symbol foo"'
refused 'pinned_mem: cannot set 7 chunks aside (error -12): give a smaller reserve_chunks' 'refused its options: "cannot set 7 chunks'
refused "pinned_mem: \`x' invalid for parameter \`limit_chunks'" 'refused its options: "'
for only in secure_boot sig_enforce integrity confidentiality; do
	unloaded
	mkdir -p root/sys/module/module/parameters root/sys/kernel/security root/sys/firmware/efi/efivars
	printf '\6\0\0\0\0' >root/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c
	echo N >root/sys/module/module/parameters/sig_enforce
	echo '[none] integrity confidentiality' >root/sys/kernel/security/lockdown
	faults driver 'not loaded; modprobe pinned_mem'
	case $only in
	secure_boot) printf '\6\0\0\0\1' >root/sys/firmware/efi/efivars/SecureBoot-* ;;
	sig_enforce) echo Y >root/sys/module/module/parameters/sig_enforce ;;
	*) echo "none integrity confidentiality" | sed "s/$only/[&]/" >root/sys/kernel/security/lockdown ;;
	esac
	faults driver 'takes signed modules only; the module is not signed'
	echo '~Module signature appended~' >>$module
	faults driver 'takes signed modules only; enrol'
done

# A compressed module, as DKMS of Debian 13 leaves it. pinnedctl cannot read zstd, so it says
# nothing about such a module.
need xz gzip zstd
compressed() {  # PROGRAM END
	unloaded
	mkdir -p root/sys/module/module/parameters
	echo Y >root/sys/module/module/parameters/sig_enforce
	[ "$signature" = '' ] || echo "$signature" >>$module
	"$1" -q <$module >"$module.$2"
	rm $module
	sed -i "s/pinned_mem.ko/&.$2/" $modules/modules.dep
}
for signature in '' '~Module signature appended~'; do
	said="takes signed modules only; ${signature:+enrol}"
	for way in 'xz xz' 'gzip gz'; do
		# shellcheck disable=SC2086 # words
		compressed $way
		faults driver "${said/%only; /only; the module is not signed: dkms build}"
	done
	compressed zstd zst
	faults driver 'takes signed modules only; enrol'
done

# The module on the disk has another version than the loaded one, or the interface has another
# version.
sound
echo 0.9 >root/sys/module/pinned_mem/version
finds note driver 'version 1.0 is installed, 0.9 is loaded'
sound
INFO_ERRNO=22 faults interface 'older than this library; upgrade pinned-mem-dkms'
INFO_ABI=0 faults interface 'has interface version 0, this library 1; upgrade pinned-mem-dkms'
INFO_ABI=2 faults interface 'has interface version 2, this library 1; upgrade libpinned1'
INFO_ERRNO=25 faults interface 'does not answer: Inappropriate ioctl'

# The device file and its permissions.
sound
rm root/dev/pinned_mem
faults device 'there is no /dev/pinned_mem; udevadm'
sound
echo 10:99 >$sys/dev
faults device "is not the driver's device"
sound
chgrp 0 root/dev/pinned_mem
faults device 'does not belong to the group pinned; udevadm'
sound
chmod 600 root/dev/pinned_mem
faults device 'does not belong to the group pinned; udevadm'
chmod 666 root/dev/pinned_mem
faults device 'every user may open'
sound
echo 'floppy:x:25:' >root/etc/group
faults device 'there is no group pinned; systemd-sysusers'
sound
finds note user 'root may open it'
nobody=(setpriv --reuid 65534 --regid 65534)
as=("${nobody[@]}" --clear-groups)
faults user 'nobody has joined the group pinned after this login; log in again'
echo 'pinned:x:4242:' >root/etc/group
faults user 'nobody is not in the group pinned; adduser nobody pinned'
as=("${nobody[@]}" --groups 4242)
finds ok user 'nobody may open it'
as=(env)

# Restricted physical addresses, and a system that can map small pages only.
sound
echo Y >$parameters/strict_phys
finds note addresses 'only CAP_SYS_RAWIO sees'
INFO_FEATURES=0x3f finds note addresses 'knows no address; setcap'
INFO_FEATURES=0x5f finds note pages 'mapped by small ones'
rm -r root/sys/kernel/mm/transparent_hugepage
finds note 'huge pages' 'none in this kernel'
sound
printf 'THP_enabled:\t0\n' >root/proc/self/status
finds note 'huge pages' 'PR_SET_THP_DISABLE'

# Memory, and limits.
sound
echo 0 >$sys/reserve_chunks; echo 0 >$sys/reserve_free_chunks
finds note reserve 'empty: '
sed -i 's/1      4      7$/1      0      0/' root/proc/buddyinfo
faults memory 'no 2 MiB are contiguous and free'
echo 1 >$sys/carveout_free_chunks
finds ok memory '0 chunks'
sound
echo 0 >$sys/reserve_free_chunks
finds note reserve 'all 8 chunks are in use; pinnedctl reserve 16'
sound
echo 511 >$sys/used_chunks
finds note limit '511 of 512'
# Half of the limit is set aside for children's copies; only copies beyond that half count here.
echo $((256 * 512)) >$sys/snapshot_pages
finds note limit "511 of 512"
echo $((256 * 512 + 1)) >$sys/snapshot_pages
faults limit 'all 512 chunks'
sound
echo 3 >$parameters/user_limit_chunks
INFO_USER_CHUNKS=2 finds ok 'user limit' '2 of 3'
INFO_USER_CHUNKS=3 faults 'user limit' 'all 3 chunks that a user may hold'
sound
echo 3 >$parameters/pool_limit_chunks
mkdir -p root/proc/77/fdinfo
printf 'pinned_mem_pool:\t1\npinned_mem_chunks:\t2\n' >root/proc/77/fdinfo/5
finds ok 'pool limit' 'no pool'
echo 'pinned_mem_chunks: 3' >root/proc/77/fdinfo/6
faults 'pool limit' 'process 77;'
sound
echo Y >$parameters/use_memlock
as=(prlimit --memlock=8388608)
finds note memlock '4 chunks at most'
as=(prlimit --memlock=65536)
faults memlock '65536 bytes is charged, less than a chunk'
printf 'CapEff:\t0000000000004000\n' >root/proc/self/status
finds ok limit '8 of 512'
! grep memlock out || fail "$(shown 'a limit that does not count:')"
as=(env)
sound
echo max >root/sys/fs/cgroup/a/b/memory.max
echo 9000000 >root/sys/fs/cgroup/a/memory.max
echo 8000000 >root/sys/fs/cgroup/a/memory.current
faults cgroup '/sys/fs/cgroup/a has no room for a chunk'
echo 1000000 >root/sys/fs/cgroup/a/memory.current
finds note cgroup '/sys/fs/cgroup/a/memory.max is 9000000 bytes'

# The IOMMU.
sound
mkdir -p root/sys/kernel/iommu_groups/0 root/sys/kernel/iommu_groups/1
echo identity | tee root/sys/kernel/iommu_groups/{0,1}/type >/dev/null
finds ok iommu 'passes through'
echo DMA-FQ >root/sys/kernel/iommu_groups/1/type
finds note iommu 'translated addresses (DMA-FQ)'

# Without PINNEDCTL_ROOT, pinnedctl checks this system and changes nothing in it.
grep -qx '#define PINNED_MEM_ABI_VERSION	1' "$PINNED_SOURCE/include/uapi/pinned_mem.h" || fail 'ABI_VERSION in driver.py is an old one'
env -u PINNEDCTL_ROOT "$ctl" check >out 2>err || true
grep -qE '^(ok|FAULT) +driver ' out || fail "$(shown 'this system:')"
