#!/bin/bash
# SPDX-License-Identifier: MIT
# Protects shell scripts: a shell, which forks all the time, and its subshells, pipelines
# and traps behave on pinned memory as they do without the shim (Faults B12, B13).
# shellcheck source=test/preload/common
. "$(dirname "$0")/common"

cat >scenario.sh <<'SCENARIO'
set -u
declare -A squares=()
for ((i = 0; i < 5000; i++)); do squares[$i]=$((i * i)); done
sum=0
for key in "${!squares[@]}"; do sum=$((sum + squares[$key])); done
echo "sum $sum of ${#squares[@]}"

words=()
while read -r a b; do words+=("$a-$b"); done < <(seq 2000 | paste - -)
echo "${words[@]: -3} ${#words[*]}"

text=
for i in {1..2000}; do text+="line $i: ${text:0:20}"$'\n'; done
echo "${#text} $(cksum <<<"$text")"
echo "${text//line/LINE}" | tail -n 2

depth() { if [ "$1" -gt 0 ]; then (depth $(($1 - 1))); else echo bottom; fi; }
depth 20

for i in 1 2 3 4 5 6 7 8; do (echo "child $i: $((i * 1000))" >"part.$i") & done
wait
cat part.*

trap 'echo got it' USR1
kill -USR1 $$
exec 7<<<"a here string"
read -r -u 7 line && echo "$line"
trap 'echo bye' EXIT
(exit 3)
echo "status $?"
coproc CAT { cat; }
echo through >&"${CAT[1]}"
read -r line <&"${CAT[0]}" && echo "$line"
SCENARIO
same bash bash ./scenario.sh
# shellcheck disable=SC2016 # for the inner shell
same - dash -c 'seq 2000 | while read -r i; do echo "$i$(echo x)"; done | cksum'
