#!/bin/bash
# SPDX-License-Identifier: MIT
# Runs the kernel's checkpatch.pl in strict mode on the driver, its headers and the tests' modules.
# Each message type that is turned off has its reason in this file; types that only a few files
# violate are off for these files only.
set -u
cd "$(dirname "$0")/../.." || exit 1
scripts=$(test/lint/kernel-scripts) || exit 1
bad=0

everywhere=(
	PARENTHESIS_ALIGNMENT   # .clang-format decides, and cannot do it as checkpatch wants inside static_assert()
	BIT_MACRO               # it takes sizes for masks, and headers for user space cannot have BIT()
	UNCOMMENTED_DEFINITION  # it does not see that kernel-doc above the structure describes each lock
)
# An out-of-tree module is built for many kernels, but only these files may contain version checks.
# checkpatch also takes LINUX_VERSION_CODE for a constant. What replaces a deprecated function does
# not exist in old kernels.
versions='src/kernel/compat.h include/pinned_mem_kernel.h test/kernel/vendor_sample/vendor_sample.c'
# PINNED_EXPORT_SYMBOL() follows its function at once, as EXPORT_SYMBOL() does.
exports='src/kernel/kapi.c'
# TRACE_EVENT() has the layout that is usual in the kernel.
traces='src/kernel/trace.h'

types_off_in() {  # FILE
	local off=("${everywhere[@]}")
	case " $versions " in *" $1 "*) off+=(LINUX_VERSION_CODE CONSTANT_COMPARISON DEPRECATED_API) ;; esac
	case " $exports " in *" $1 "*) off+=(LINE_SPACING) ;; esac
	case " $traces " in *" $1 "*) off+=(OPEN_ENDED_LINE) ;; esac
	(IFS=, && echo "${off[*]}")
}

check() {  # TYPES-OFF FILE...
	perl "$scripts/checkpatch.pl" --no-tree --no-summary --quiet --strict --terse --show-types --color=never \
		--max-line-length=100 --ignore "$1" -f "${@:2}" || bad=1
}

mapfile -t files < <(git ls-files 'src/kernel/*.[ch]' 'include/uapi/*.h' include/pinned_mem_kernel.h 'test/kernel/*/*.[ch]')
[ ${#files[@]} -gt 40 ] || { echo "checkpatch: only ${#files[@]} files found"; exit 1; }
common=()
for file in "${files[@]}"; do
	types=$(types_off_in "$file")
	if [ "$types" = "$(types_off_in '')" ]; then common+=("$file"); else check "$types" "$file"; fi
done
check "$(types_off_in '')" "${common[@]}"
exit $bad
