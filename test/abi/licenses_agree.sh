#!/bin/bash
# SPDX-License-Identifier: MIT
# Promise: debian/copyright names for each file the license of the file's own SPDX line.
set -eu
top=$(cd "$(dirname "$0")/../.." && pwd)
command -v python3 >/dev/null || { echo "SKIP: no python3"; exit 77; }

exec python3 - "$top" <<'END'
import os, re, sys

top = sys.argv[1]
rules = []
for paragraph in re.split(r"\n\s*\n", open(f"{top}/debian/copyright").read()):
    fields = dict(re.findall(r"^(\w+):\s*(.*(?:\n .*)*)", paragraph, re.M))
    # A star in a pattern also matches slashes. The last paragraph that matches a file counts.
    for pattern in fields.get("Files", "").split():
        rules.append((re.escape(pattern).replace(r"\*", ".*"), fields["License"].split("\n")[0]))


def license_of(path):
    return [name for pattern, name in rules if re.fullmatch(pattern, path)][-1]


count = bad = 0
for folder, folders, files in os.walk(top):
    folders[:] = [name for name in folders if name not in (".git", "build")]
    for name in files:
        path = os.path.join(folder, name)
        with open(path, errors="replace") as file:
            found = re.search(r"^\W*SPDX-License-Identifier: ([\w. -]*\w)", file.read(300), re.M)
        if not found:
            continue
        count += 1
        said = license_of(os.path.relpath(path, top))
        if said.removesuffix(" exception").lower() != found[1].lower():
            bad += 1
            print(f"{os.path.relpath(path, top)}: is {found[1]}, and debian/copyright says {said}")
print(f"{count} files, {bad} failures")
sys.exit(bad > 0 or count < 100)
END
