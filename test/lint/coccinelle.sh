#!/bin/bash
# SPDX-License-Identifier: MIT
# Runs the kernel's own semantic patches, in report mode, on the driver and the tests' modules. They
# find double frees, uses after free, locks taken twice or never released, uses of a loop's cursor
# after the loop, conditions that are never true, and code for which a helper exists. Any output is
# a fault.
set -u
cd "$(dirname "$0")/../.." || exit 1
scripts=$(test/lint/kernel-scripts) || exit 1

# These patches are not run: those for subsystems that a memory driver does not use (buses, clocks,
# networks, power, netlink's strings); those that need an OCaml compiler (check_bq27xxx, badzero);
# stream_open, which itself causes warnings of coccinelle; add_namespace, which needs a name as its
# argument; and minmax, which takes as long as all others together and only proposes min() and
# max().
skipped='api/platform_ api/pm_runtime api/check_bq27xxx api/stream_open free/clk_put free/ifnulldev_put
	free/iounmap free/pci_free free/put_device free/devm_free iterators/for_each_child iterators/device_node
	misc/of_table misc/newline_in_nl_msg misc/irqf_oneshot misc/minmax misc/add_namespace null/badzero'

patches() {
	find "$scripts/coccinelle" -name '*.cocci' -exec grep -l '^virtual report' {} + |
		grep -vE "/($(tr -s ' \n\t' '|' <<<"$skipped" | sed 's/|$//'))" | sort
}

mapfile -t patches < <(patches)
[ ${#patches[@]} -gt 30 ] || { echo "coccinelle: only ${#patches[@]} semantic patches found in $scripts"; exit 1; }
mapfile -t files < <(git ls-files 'src/kernel/*.c' 'test/kernel/*/*.c')
found=$(printf '%s\n' "${patches[@]}" | xargs -P "$(nproc)" -I PATCH timeout 120 spatch -D report --very-quiet \
	--no-show-diff --no-includes --cocci-file PATCH "${files[@]}" 2>&1) || found+=" coccinelle itself failed"
[ -z "$found" ] || { echo "$found"; exit 1; }
