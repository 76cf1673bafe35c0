# SPDX-License-Identifier: MIT
"""Uses memory as scripts do: records, text, sorting, JSON. Argument: amount of work in percent."""
import json
import sys

rounds = max(1, int(sys.argv[1]) // 5)
for number in range(rounds):
    records = [{"id": i, "name": f"name {i * 7919 % 10007}", "tags": [str(i % k) for k in range(1, 6)],
                "score": i / 3.0} for i in range(3000)]
    records.sort(key=lambda record: record["name"])
    text = json.dumps(records)
    again = json.loads(text)
    by_name = {}
    for record in again:
        by_name.setdefault(record["name"], []).append(record)
    lines = "\n".join(",".join(record["tags"]) for record in again).split("\n")
    words = {word: line for line in lines for word in line.split(",")}
    assert len(again) == len(lines) == 3000 and words and by_name
