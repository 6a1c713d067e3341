"""Holds what a collector got against what is to be there: one trace goes from each command to each read model.

    traces.py FILE TRACE APPLICATION READ-MODEL …
"""

import json
import sys

path, trace, application, *models = sys.argv[1:]
with open(path, encoding="utf-8") as file:
    lines = [json.loads(line) for line in file]
faults = [line["fault"] for line in lines if "fault" in line]
assert not faults, faults
spans = [line for line in lines if line["trace"] == trace]
by_id = {span["span"]: span for span in spans}


def named(name):
    found = [span for span in spans if span["name"] == name]
    assert found, f"no span '{name}' in {[(span['service'], span['name']) for span in spans]}"
    return found


(request,) = [span for span in spans if span["name"].startswith("POST ")]
(append,) = named("append")
(publish,) = named("publish")
assert request["parent"] not in by_id and append["parent"] == request["span"]
assert publish["parent"] == append["span"] and not any(span["error"] for span in spans)
for span in (request, append, publish):
    assert span["service"] == f"{application}-writer", span
assert publish["attributes"]["messaging.system"] == "kafka", publish
assert append["attributes"]["eventually.stream_id"], append
for name in ("consume", "apply"):
    found = named(name)
    assert len(found) == len(models), found
    assert all(span["parent"] == append["span"] for span in found), found
    assert all(span["service"] == f"{application}-projector" for span in found), found
# What the command's header had of other tracers.
assert all(span["state"] == "congo=t61" for span in spans), spans
applied = {span["attributes"]["eventually.read_model"] for span in named("apply")}
assert applied == set(models), applied
print(f"{len(lines)} spans came, {len(spans)} of the command's trace, in one tree")
