"""Holds a Prometheus that scrapes a pipeline against what is to be there: all targets answer, all rules are evaluated, durations have traces as
exemplars, and each query of a dashboard returns data.

    prometheus.py URL DASHBOARD
"""

import json
import sys
import time
import urllib.parse
import urllib.request

url, path = sys.argv[1:]
with open(path, encoding="utf-8") as file:
    dashboard = json.load(file)


def ask(place, **parameters):
    address = f"{url}/api/v1/{place}?{urllib.parse.urlencode(parameters)}"
    try:
        with urllib.request.urlopen(address, timeout=5) as answer:
            return json.load(answer)["data"]
    except urllib.error.HTTPError as error:
        # What can't be parsed is said in the body.
        raise SystemExit(f"{place} {parameters}: {error.read().decode()}") from error


def until(what, condition, limit=45):
    end = time.monotonic() + limit
    while True:
        try:
            missing = condition()
        except OSError as error:
            missing = error
        if not missing:
            return
        if time.monotonic() > end:
            raise SystemExit(f"{what}: {missing}")
        time.sleep(0.5)


def targets():
    found = ask("targets")["activeTargets"]
    return [target["lastError"] or target["scrapeUrl"] for target in found if target["health"] != "up"] or not found


def rules():
    found = [rule for group in ask("rules")["groups"] for rule in group["rules"]]
    return [(rule["name"], rule.get("lastError")) for rule in found if rule["health"] != "ok"] or not found


def exemplars():
    names = [
        "eventually_append_seconds_bucket",
        "messaging_client_operation_duration_seconds_bucket",
        "messaging_process_duration_seconds_bucket",
        "http_server_request_duration_seconds_bucket",
    ]
    now = time.time()
    missing = []
    for name in names:
        found = ask("query_exemplars", query=name, start=now - 600, end=now + 60)
        labels = [item["labels"] for series in found for item in series["exemplars"]]
        if not any(len(label.get("trace_id", "")) == 32 for label in labels):
            missing.append(name)
    return missing


queries = [
    (panel["title"], target["expr"])
    for panel in dashboard["panels"]
    for target in panel.get("targets", [])
]
assert len(queries) > 20, queries
without = set(queries)


def answered():
    for title, query in list(without):
        found = ask("query", query=query.replace("$__rate_interval", "1m"))
        # A rate without two samples is none, and no events no number.
        if found["result"] and any(item["value"][1] != "NaN" for item in found["result"]):
            without.discard((title, query))
    return sorted(without)


until("not scraped", targets)
until("not evaluated", rules)
until("without exemplars", exemplars)
for annotation in dashboard["annotations"]["list"]:
    ask("query", query=annotation["expr"])
until("without data", answered)
print(f"{len(queries)} queries of the dashboard have data, and durations lead to traces")
