#!/bin/bash
# SPDX-License-Identifier: MIT
# The kernel's own semantic patches, in report mode, over the driver and the tests' modules: what is freed
# twice or used after, locks taken twice or kept, loops that use their end, tests that cannot be true, helpers
# that there are. Whatever they print is a fault.
set -u
cd "$(dirname "$0")/../.." || exit 1
scripts=$(test/lint/kernel-scripts) || exit 1

# Not run: those for other subsystems (buses, clocks, networks, power, netlink's strings), which a memory
# driver has nothing of; those that want an OCaml compiler (check_bq27xxx, badzero); stream_open, whose own
# lines coccinelle warns of; add_namespace, which wants to be given a name; minmax, which takes as long as all
# others together to propose min() and max().
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
