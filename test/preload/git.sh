#!/bin/bash
# SPDX-License-Identifier: MIT
# Protects users of git, which starts many short processes and a few with threads: git behaves on
# pinned memory as it does without the shim, down to the names of its objects.
# shellcheck source=test/preload/common
. "$(dirname "$0")/common"
need git

cat >scenario.sh <<'SCENARIO'
set -eu
rm -rf repository clone
git init -q -b main repository
cd repository
for n in 1 2 3 4 5 6; do
	for file in $(seq 40); do seq "$n" $((n * file)) >"file.$file"; done
	mkdir -p "dir.$n" && cp file.1? "dir.$n"
	git add .
	git commit -q -m "commit $n"
done
git checkout -q -b side HEAD~2
echo side >side && git add side && git commit -q -m side
git checkout -q main
git merge -q -m merge side
git log --stat --format='%H %s'
git diff --stat HEAD~4
git blame file.40 | tail -n 3
git repack -q -a -d --threads=2
git gc -q --prune=now
git fsck
git count-objects -v | grep -E '^(count|in-pack|packs|garbage)'
git clone -q . ../clone
git -C ../clone rev-parse HEAD
git rev-list --objects --all | sort | cksum
git grep -c 17 | tail -n 5
SCENARIO
export GIT_CONFIG_NOSYSTEM=1 GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@example.org \
	GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@example.org \
	GIT_AUTHOR_DATE='1000000000 +0000' GIT_COMMITTER_DATE='1000000000 +0000'
same git bash ./scenario.sh
