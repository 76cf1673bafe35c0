#!/bin/bash
# SPDX-License-Identifier: MIT
# Protects whoever monitors pinned memory by Prometheus: promtool accepts the metrics and the
# alerts; in a real Prometheus that has scraped pinned processes, each query of the dashboard and
# each expression of an alert finds its series; and each alert fires if its cause is there, and only
# then.
# shellcheck source=test/preload/common
. "$(dirname "$0")/common"
need python3 prometheus promtool
monitoring=$PINNED_SOURCE/src/tools/monitoring
rules=$monitoring/pinned-mem.rules.yml

promtool check rules "$rules" >out 2>&1 || fail "$(cat out)"

# A folder that imitates the driver's files in sysfs.
export PINNEDCTL_ROOT=$PWD/root
pretend_driver root 100

# Starts a process with a heap, raw chunks and an object that is freed but retained, and a second
# process that is at its limit and falls back to libc.
mkfifo input ready
exec 9<>input
start() {
	"$@" <input >/dev/null 3>/dev/null 4>ready 2>>err 9>&- &
	pid=$!
	[ "$(head -c 1 ready)" = x ] || fail "it did not get ready: $(cat err)"
}
start "$PINNED_BUILD/pinned-run" --backend anon -- "$programs/watched"
watched=$pid
start "$PINNED_BUILD/pinned-run" --backend anon --limit 4M -- python3 -c '
import os, sys
kept = [bytes(100000) for _ in range(200)]
os.write(4, b"x")
sys.stdin.read()'
limited=$pid

# Serves the metrics by HTTP, as a node exporter would offer the file. Each answer reads the
# processes anew.
cat >serve.py <<'END'
import http.server
import subprocess
import sys

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        text = subprocess.run([sys.argv[1], "prometheus", *sys.argv[2:]], capture_output=True, check=True).stdout
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass

server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
server.serve_forever()
END
python3 serve.py "$PINNED_BUILD/pinnedctl" "$watched" "$limited" >port 9>&- &
server=$!
wait_until test -s port
port=$(cat port)
cat >prometheus.yml <<END
global: {scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}
rule_files: [$rules]
scrape_configs:
  - job_name: pinned-mem
    scrape_interval: 2s
    scrape_timeout: 2s
    static_configs: [{targets: ['127.0.0.1:$port']}]
END
promtool check config prometheus.yml >out 2>&1 || fail "$(cat out)"
web=$(free_port)
prometheus --config.file=prometheus.yml --storage.tsdb.path=data --web.listen-address="127.0.0.1:$web" >log 2>&1 9>&- &
prometheus=$!
trap 'kill $server $prometheus 2>/dev/null' EXIT

cat >queries.py <<'END'
import json
import sys
import time
import urllib.parse
import urllib.request

web, dashboard, rules, watched, limited = sys.argv[1:]

def ask(path, **words):
    url = f"http://127.0.0.1:{web}/api/v1/{path}?" + urllib.parse.urlencode(words)
    with urllib.request.urlopen(url) as answer:
        return json.load(answer)["data"]

def values(query):
    return ask("query", query=query)["result"]

def number(query):
    found = values(query)
    assert len(found) == 1, (query, found)
    return float(found[0]["value"][1])

# Wait for several scrapes, because a rate needs at least two.
for _ in range(600):
    try:
        if int(number(f'count_over_time(pinned_process_chunk_bytes{{pid="{watched}"}}[10m])')) >= 3:
            break
    except (OSError, AssertionError, KeyError):
        pass
    time.sleep(0.1)
else:
    sys.exit(f"Prometheus has not scraped: {open('log').read()}")

chunk = 2 << 20
assert number(f'pinned_process_raw_bytes{{pid="{watched}"}}') == 3 * chunk
assert number(f'pinned_process_retained_bytes{{pid="{watched}"}}') == 4096
assert number(f'pinned_process_limit_bytes{{pid="{limited}"}}') == 2 * chunk
assert not values(f'pinned_process_limit_bytes{{pid="{watched}"}}')
assert number(f'pinned_process_fallback_allocs_total{{pid="{limited}"}}') > 0
assert number("pinned_mem_used_bytes / pinned_mem_limit_bytes") == 0.03

# Each query of the dashboard finds a series for each program, process, node or state that the query
# is about.
board = json.load(open(dashboard))
count = 0
for panel in board["panels"]:
    for target in panel["targets"]:
        query = target["expr"].replace("$__rate_interval", "1m").replace("$instance", ".*").replace("$program", ".*")
        found = values(query)
        assert found, f"{panel['title']}: no series for {query}"
        labels = found[0]["metric"]
        if "sum by (program)" in query:
            assert sorted(series["metric"]["program"] for series in found) == ["python3", "watched"], found
        elif "limit_bytes" in query and "process" in query:
            assert [series["metric"]["pid"] for series in found] == [limited], found
        elif "_node_" in query:
            assert labels["node"] == "0" and len(found) == 1, found
        elif "pinned_processes" in query:
            assert {series["metric"]["state"] for series in found} == {"read", "other_version", "not_readable"}, found
        else:
            assert len(found) == 1, found
        # Each label that a legend names is a label of the series.
        for word in target["legendFormat"].split("{{")[1:]:
            assert word.split("}}")[0] in labels, (panel["title"], word, labels)
        count += 1
for variable in board["templating"]["list"][1:]:
    name = variable["query"]["query"].rsplit(",", 1)[1].strip(" )")
    assert ask(f"label/{name}/values"), variable
print(f"{count} queries of the dashboard")

# Each alert's expression is evaluated without an error; the alert for the process at its limit is
# pending.
groups = ask("rules")["groups"]
alerts = {rule["name"]: rule for group in groups for rule in group["rules"]}
assert len(alerts) == sum(line.strip().startswith("- alert:") for line in open(rules)), alerts.keys()
for _ in range(300):
    alerts = {rule["name"]: rule for group in ask("rules")["groups"] for rule in group["rules"]}
    if all(rule["health"] == "ok" for rule in alerts.values()) and alerts["PinnedProcessNearLimit"]["alerts"]:
        break
    time.sleep(0.1)
for name, rule in alerts.items():
    assert rule["health"] == "ok", (name, rule)
(alert,) = alerts["PinnedProcessNearLimit"]["alerts"]
assert alert["labels"]["pid"] == limited, alert
assert not alerts["PinnedDriverNearLimit"]["alerts"] and not alerts["PinnedDriverMissing"]["alerts"]
END
python3 queries.py "$web" "$monitoring/pinned-mem-dashboard.json" "$rules" "$watched" "$limited" >out 2>&1 || fail "$(tail -5 out)"
exec 9>&-
wait "$watched" "$limited" || fail "the watched programs: $(cat err)"

# promtool tests each alert with its cause and without, on a simulated clock.
python3 - "$rules" >alerts.yml <<'END'
import json
import sys

process = 'instance="m",program="p",pid="1",user="u",backend="device"'
G = 1 << 30
# alert: (series with the cause, the same without, labels of the alert)
cases = {
    "PinnedAllocationsFail": (["pinned_process_failed_allocs_total{%s}", "0+1x200"], ["pinned_process_failed_allocs_total{%s}", "5x200"]),
    "PinnedMemoryServedByLibc": (["pinned_process_fallback_allocs_total{%s}", "0+1x200"], ["pinned_process_fallback_allocs_total{%s}", "5x200"]),
    "PinnedProcessNearLimit": (["pinned_process_chunk_bytes{%s}", "95x200", "pinned_process_limit_bytes{%s}", "100x200"],
                               ["pinned_process_chunk_bytes{%s}", "85x200", "pinned_process_limit_bytes{%s}", "100x200"]),
    "PinnedDriverNearLimit": (["pinned_mem_used_bytes{%m}", "95x200", "pinned_mem_limit_bytes{%m}", "100x200"],
                              ["pinned_mem_used_bytes{%m}", "50x200", "pinned_mem_limit_bytes{%m}", "100x200"]),
    "PinnedReserveUsedUp": (["pinned_mem_reserve_free_bytes{%m}", "0x200", "pinned_mem_reserve_bytes{%m}", "100x200"],
                            ["pinned_mem_reserve_free_bytes{%m}", "0x200", "pinned_mem_reserve_bytes{%m}", "0x200"]),
    "PinnedForkCopies": (["pinned_mem_snapshot_bytes{%m}", "20x200", "pinned_mem_limit_bytes{%m}", "100x200"],
                         ["pinned_mem_snapshot_bytes{%m}", "2x200", "pinned_mem_limit_bytes{%m}", "100x200"]),
    "PinnedMemoryRetained": (["pinned_process_retained_bytes{%s}", f"{G}x200"], ["pinned_process_retained_bytes{%s}", "4096x200"]),
    "PinnedMemoryStuck": (["pinned_mem_busy_bytes{%m}", "4096x200"], ["pinned_mem_busy_bytes{%m}", "0x200"]),
    "PinnedDriverMissing": (["pinned_mem_loaded{%m}", "0x200", "pinned_process_chunk_bytes{%s}", "1x200"],
                            ["pinned_mem_loaded{%m}", "1x200", "pinned_process_chunk_bytes{%s}", "1x200"]),
    "PinnedLibrariesDiffer": (['pinned_processes{%m,state="other_version"}', "1x200"], ['pinned_processes{%m,state="other_version"}', "0x200"]),
}
text = open(sys.argv[1]).read()
names = [line.split(":")[1].strip() for line in text.splitlines() if "- alert:" in line]
assert sorted(names) == sorted(cases), set(names) ^ set(cases)

def fill(words):
    pairs = zip(words[::2], words[1::2])
    return [{"series": name.replace("%s", process).replace("%m", 'instance="m"'), "values": value} for name, value in pairs]

tests = []
for name, (cause, none) in cases.items():
    for words, fires in ((cause, True), (none, False)):
        # Ask only how many alerts fire, so that their texts are not repeated here.
        tests.append({
            "interval": "1m",
            "input_series": fill(words),
            "promql_expr_test": [{
                "expr": f'count(ALERTS{{alertname="{name}",alertstate="firing"}}) or vector(0)',
                "eval_time": "90m",
                "exp_samples": [{"labels": "{}", "value": int(fires)}],
            }],
        })
print(json.dumps({"rule_files": [sys.argv[1]], "evaluation_interval": "1m", "tests": tests}))
END
promtool test rules alerts.yml >out 2>&1 || fail "$(cat out)"
