#!/bin/bash
# SPDX-License-Identifier: MIT
# Promise: `make` needs a compiler, make and libc alone, works as nobody and without a network, and
# changes nothing outside of its folder; what is missing is named in one line. `make install` writes
# only below DESTDIR, and `make uninstall` removes all of it except changed settings. `make dist`
# packs the same bytes twice. The installed files find their parts under PREFIX: pinned-run,
# pinnedctl, pkg-config files, units and the source for DKMS.
set -eu
top=${PINNED_SOURCE:-$(cd "$(dirname "$0")/../.." && pwd)}
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
fail() {
	echo "$*" >&2
	exit 1
}

# Building needs programs that every system has, such as coreutils and sed, and a compiler and make.
# dpkg, apt, python3, perl, git and pkg-config are left out.
mkdir "$tmp/bin" "$tmp/o"
for tool in sh bash cat chmod chown cmp cp cut dirname basename env find grep gzip head id install ln ls mkdir mktemp mv printf pwd rm rmdir \
	sed sort stat tail tar touch tr uname wc xargs cc gcc as ld ar objcopy make; do
	path=$(command -v $tool) || fail "no $tool here"
	[[ $path != /* ]] || ln -s "$path" "$tmp/bin/"
done

# `make` runs as nobody, without a network, and in a tree that nobody but its owner can change.
as_nobody=(env -i "PATH=$tmp/bin" HOME=/nonexistent)
if [ "$(id -u)" = 0 ]; then
	as_nobody=(unshare --net setpriv --reuid=65534 --regid=65534 --clear-groups "${as_nobody[@]}")
	chmod 755 "$tmp"
	chown 65534:65534 "$tmp/o"
fi
list_tree() { (cd "$top" && find . -path ./build -prune -o -path ./.git -prune -o -print | sort); }
before=$(list_tree)
"${as_nobody[@]}" make -j2 -C "$top" O="$tmp/o" CFLAGS=-O0 >"$tmp/log" 2>&1 || fail "make as nobody: $(cat "$tmp/log")"
[ "$(list_tree)" = "$before" ] || fail 'make has changed the tree'
[ "$(grep -cvE '^ +[A-Z]+ +[^ ]+$|^make: (Enter|Leav)ing' "$tmp/log")" = 0 ] || fail "make prints more than a word and a file: $(cat "$tmp/log")"
! "${as_nobody[@]}" make -C "$top" O="$tmp/o" CC=nonesuch-gcc -W src/tools/can-build >"$tmp/log" 2>&1 || fail 'built without a compiler'
[ "$(grep -c nonesuch-gcc "$tmp/log")" = 1 ] || fail "not one line about the compiler: $(cat "$tmp/log")"
if command -v musl-gcc >/dev/null; then
	! "$top/src/tools/can-build" "musl-gcc -idirafter /usr/include -idirafter /usr/include/$(uname -m)-linux-gnu" ar objcopy 2>"$tmp/log" ||
		fail 'musl is accepted'
	[[ $(cat "$tmp/log") = *musl* ]] || fail "about musl: $(cat "$tmp/log")"
fi

# Installs that build. The tree that `make dist` packs builds too, without git.
prefix=$tmp/prefix
places=(DESTDIR="$tmp/root" PREFIX="$prefix" LIBDIR="$prefix/lib64" SYSCONFDIR="$prefix/etc" UNITDIR="$prefix/units")
PATH=$tmp/bin make -C "$top" install O="$tmp/o" "${places[@]}" >"$tmp/log" 2>&1 || fail "make install: $(cat "$tmp/log")"
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
count=$(find "$prefix" -type f | wc -l)

# Uninstalls, once with a setting that the administrator has changed.
mv "$prefix" "$tmp/root$prefix"
echo '# mine' >>"$tmp/root$prefix/etc/default/pinned-mem"
touch "$tmp/root$prefix/bin/other"
PATH=$tmp/bin make -s -C "$top" uninstall O="$tmp/o" "${places[@]}" >"$tmp/log" 2>&1 || fail "make uninstall: $(cat "$tmp/log")"
left=$(cd "$tmp/root$prefix" && find . ! -type d | sort | tr '\n' ' ')
[ "$left" = './bin/other ./etc/default/pinned-mem ' ] || fail "make uninstall has left: $left"
grep -q 'kept, because it was changed: .*/default/pinned-mem' "$tmp/log" || fail "make uninstall says: $(cat "$tmp/log")"
[ -z "$(find "$tmp/root$prefix" -name '*pinned*' -type d)" ] || fail 'make uninstall has left folders'

# Packs the sources twice, from git and from the unpacked tarball.
(cd "$top" && make -s dist O="$tmp/dist1") >"$tmp/log" 2>&1 || fail "make dist: $(cat "$tmp/log")"
tar -xzf "$tmp/dist1/pinned-mem-$version.tar.gz" -C "$tmp"
(cd "$tmp/pinned-mem-$version" && PATH=$tmp/bin make -s dist O="$tmp/dist2") >"$tmp/log" 2>&1 || fail "make dist of a tarball: $(cat "$tmp/log")"
cmp "$tmp"/dist[12]/*.tar.gz || fail 'make dist of its own tarball gives other bytes'
echo "$count files"
