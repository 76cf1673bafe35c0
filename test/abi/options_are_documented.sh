#!/bin/bash
# SPDX-License-Identifier: MIT
# Promise: the manual documents the whole user interface: options of pinned-run, commands and
# options of pinnedctl (and their completion), keys of the configuration, parameters of the module,
# and files of the driver in sysfs.
set -eu
top=$(cd "$(dirname "$0")/../.." && pwd)
build=${PINNED_BUILD:-$top/build}
command -v python3 >/dev/null || { echo "SKIP: no python3"; exit 77; }
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
failures=0 names=0

# Prints a page without roff, so that words can be searched for.
plain() { sed 's/\\-/-/g; s/\\f.//g; s/\\~/ /g' "$1"; }
has() {  # NAME PAGE: as a word of its own
	names=$((names + 1))
	plain "$top/$2" | grep -qE -- "(^|[^a-z_-])$1([^a-z_-]|$)" || {
		echo "$2: nothing about $1"
		failures=$((failures + 1))
	}
}
each() {  # PAGE: names come in by lines
	local count=0 name
	while read -r name; do
		has "$name" "$1"
		count=$((count + 1))
	done
	[ $count -gt 0 ] || { echo "$1: nothing to look for"; failures=$((failures + 1)); }
}

"$build/pinned-run" --help | grep -oE -- '--[a-z-]+' | sort -u >"$tmp/options"
each man/man1/pinned-run.1 <"$tmp/options"
synopsis=$(plain "$top/man/man1/pinned-run.1" | sed -n '/^\.SH SYNOPSIS/,/^\.SH DESCRIPTION/p')
while read -r name; do
	names=$((names + 1))
	grep -qE -- "$name( |$)" <<<"$synopsis" || { echo "pinned-run.1: no $name in its SYNOPSIS"; failures=$((failures + 1)); }
done <"$tmp/options"

"$build/pinnedctl" --help | sed -n 's/^    \([a-z0-9][a-z0-9]*\)  .*/\1/p' >"$tmp/commands"
each man/man1/pinnedctl.1 <"$tmp/commands"
each src/tools/system/pinnedctl.bash-completion <"$tmp/commands"
while read -r command; do
	"$build/pinnedctl" "$command" --help | grep -oE -- '--[a-z-]+' | grep -vx -- --help || true
done <"$tmp/commands" | sort -u | each man/man1/pinnedctl.1

# The completion: words that must, or must not, be offered for the last word of a command line.
# Like an interactive shell, this part goes on after a command that fails or an unset variable.
# shellcheck source=/dev/null
set +eu
. "$top/src/tools/system/pinnedctl.bash-completion"
# shellcheck source=/dev/null
. "$top/src/tools/system/pinned-run.bash-completion"
tool=pinnedctl
offers() {  # yes|no OFFER WORD...
	local offered=no word
	COMP_WORDS=("$tool" "${@:3}") COMP_CWORD=$(($# - 2)) COMPREPLY=()
	"_${tool/-/_}"
	for word in "${COMPREPLY[@]}"; do [ "$word" != "$2" ] || offered=yes; done
	names=$((names + 1))
	[ $offered = "$1" ] || { echo "completion of: ${COMP_WORDS[*]}: $2 is not as it should be ($1)" && failures=$((failures + 1)); }
}
offers yes check ''
offers no stats c
offers yes --json stats ''
offers yes check config ''
offers yes /etc/passwd config check /etc/pass
offers no if config check ''
offers no --user config check ''
offers yes --user config show ''
offers yes ls config show l
offers yes /etc/passwd config show --file /etc/pass
offers yes root config show --user r
offers no sh config show --user s
offers yes /etc/passwd preload on --library /etc/pass
offers no on preload on --library o
offers yes /etc/passwd flame /etc/pass
offers yes --json top ''
offers yes --sort top --s
# Completion for pinned-run: each option and its values. Words after the program belong to the
# program.
tool=pinned-run
while read -r option; do offers yes "$option" "$option"; done < <("$build/pinned-run" --help | grep -oE -- '--[a-z-]+' | sort -u)
offers yes hugetlb --backend h
offers no ls --backend l
offers yes write-combine --quiet --memory w
offers yes ls --backend anon l
offers yes ls --report -- l
offers no --report ls --rep
offers no --report -- --rep
offers yes /etc/passwd ls /etc/pass
offers yes /etc/passwd --profile-file /etc/pass
set -eu

# The configuration's keys, as the library itself lists them in a message.
MALLOC_PINNED_CONF=nonsense:1,backend:anon LD_PRELOAD=$build/lib/libmalloc-pinned.so /bin/true 2>&1 |
	sed 's/.*known are //; s/;.*//' | tr -d ' ' | tr ',' '\n' >"$tmp/keys"
each man/man7/pinned.7 <"$tmp/keys"
each man/man5/malloc-pinned.conf.5 <"$tmp/keys"

cat "$top"/src/kernel/*.c >"$tmp/kernel"
grep -oE '^MODULE_PARM_DESC\([a-z_]+' "$tmp/kernel" | sed 's/.*(//' | each man/man4/pinned_mem.4
grep -oE 'DEVICE_ATTR_R[OW]\([a-z_]+' "$tmp/kernel" | sed 's/.*(//' | each man/man4/pinned_mem.4

echo "$names names, $failures failures"
[ $failures = 0 ]
