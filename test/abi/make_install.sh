#!/bin/bash
# SPDX-License-Identifier: MIT
# Promise: `make install` works on a system that has neither apt nor dpkg, and writes only below
# DESTDIR. The installed files find their parts under PREFIX: pinned-run, pinnedctl, pkg-config
# files, units and the source for DKMS.
set -eu
top=${PINNED_SOURCE:-$(cd "$(dirname "$0")/../.." && pwd)}
build=${PINNED_BUILD:-$top/build}
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
fail() {
	echo "$*" >&2
	exit 1
}

# A PATH with all programs of this system except apt and dpkg.
mkdir "$tmp/bin"
IFS=: read -ra folders <<<"$PATH"
for folder in "${folders[@]}"; do
	find "$folder/" -maxdepth 1 ! -name 'apt*' ! -name 'dpkg*' ! -type d -exec ln -st "$tmp/bin" {} + 2>/dev/null || true
done
! PATH=$tmp/bin command -v dpkg-query apt-get >/dev/null || fail 'dpkg or apt is still there'

# Uses the existing build. make is told that one source is newer, so that it checks for the packages
# that it needs.
mkdir "$tmp/o"
cp -a "$build/obj" "$build/lib" "$build/pinned-run" "$build/pinnedctl" "$build/pinnedctl.d" "$tmp/o/"
prefix=$tmp/prefix
PATH=$tmp/bin make -C "$top" -W src/lib/os/die.c install O="$tmp/o" DESTDIR="$tmp/root" PREFIX="$prefix" LIBDIR="$prefix/lib64" \
	SYSCONFDIR="$prefix/etc" UNITDIR="$prefix/units" >"$tmp/log" 2>&1 || fail "make install: $(cat "$tmp/log")"
grep -q 'libc6-dev' "$tmp/log" || fail "it does not say what must be there: $(cat "$tmp/log")"
[ ! -e "$prefix" ] || fail 'it wrote outside of DESTDIR'
! grep -rlE "$tmp/(root|o)" "$tmp/root" || fail 'these know where they were built'
! grep -rlE '@[A-Z_]+@' "$tmp/root$prefix"/{bin,units,lib64/pkgconfig,share/pkgconfig,libexec} || fail 'these are not filled in'

mv "$tmp/root$prefix" "$prefix"
said=$("$prefix/bin/pinned-run" --backend anon --policy fail --report -- /bin/true 2>&1) || fail "pinned-run: $said"
[[ $said = *backend=anon* ]] || fail "pinned-run: $said"
echo '[exe /bin/true' >"$tmp/conf"
! said=$("$prefix/bin/pinnedctl" config check "$tmp/conf" 2>&1) || fail 'pinnedctl takes a wrong file'
[[ $said = *conf:1:* ]] || fail "pinnedctl: $said"
export PKG_CONFIG_PATH=$prefix/lib64/pkgconfig:$prefix/share/pkgconfig
for file in "$(pkg-config --variable=kernel_includedir pinned-mem)/pinned_mem_kernel.h" \
	"$(pkg-config --variable=preload libmalloc-pinned)" "$(pkg-config --variable=includedir libpinned)/pinned.h"; do
	[ -f "$file" ] || fail "pkg-config tells of $file, and there is none"
done
count=0
while read -r file; do
	count=$((count + 1))
	[ -x "$file" ] || fail "a unit starts $file, and there is none"
done < <(sed -n 's/^ExecStart=\([^ ]*\).*/\1/p' "$prefix"/units/*.service)
[ $count -ge 3 ] || fail 'no units'
version=$(sed -n 's/^PACKAGE_VERSION="\(.*\)"/\1/p' "$top/dkms.conf")
for file in dkms.conf src/kernel/keep-symbols; do
	[ -f "$prefix/src/pinned-mem-$version/$file" ] || fail "DKMS's source lacks $file"
done
for file in README.md CONTRIBUTING.md doc/administrators.md; do
	cmp -s "$top/$file" "$prefix/share/doc/pinned-mem/$file" || fail "the documents lack $file"
done
echo "$(find "$prefix" -type f | wc -l) files"
