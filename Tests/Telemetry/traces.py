"""Holds what a collector got against what is to be there: one trace goes from each command to each read model, and each batch of a read model
is linked to its commands' traces.

    traces.py FILE TRACE APPLICATION TOPIC READ-MODEL …
"""

import json
import sys

path, trace, application, topic, *models = sys.argv[1:]
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
(send,) = named(f"send {topic}")
assert request["parent"] not in by_id and append["parent"] == request["span"]
assert send["parent"] == append["span"] and not any(span["error"] for span in spans)
for span in (request, append, send):
    assert span["service"] == f"{application}-writer", span
assert (request["kind"], append["kind"], send["kind"]) == ("SERVER", "PRODUCER", "CLIENT")
assert append["attributes"]["db.system.name"] in ("sqlite", "postgresql"), append
assert append["attributes"]["eventually.stream_id"], append
for name, kind in ((f"poll {topic}", "CLIENT"), ("apply", "CONSUMER")):
    found = named(name)
    assert len(found) == len(models), found
    assert all(span["parent"] == append["span"] for span in found), found
    assert all(span["kind"] == kind for span in found), found
    assert all(span["service"] == f"{application}-projector" for span in found), found
for span, operation in [(send, "send"), *((span, "poll") for span in named(f"poll {topic}"))]:
    attributes = span["attributes"]
    assert attributes["messaging.system"] == "kafka", span
    assert attributes["messaging.destination.name"] == topic, span
    assert attributes["messaging.operation.name"] == operation, span
    assert attributes["messaging.destination.partition.id"].isdigit(), span
    assert len(attributes["messaging.message.id"]) == 36, span
# What the command's header had of other tracers.
assert all(span["state"] == "congo=t61" for span in spans), spans
applied = {span["attributes"]["eventually.read_model"] for span in named("apply")}
assert applied == set(models), applied

# A batch is a trace of its own: it leads to the append of each event of a recorded trace, and the event's span to it.
batches = {line["span"]: line for line in lines if line["name"] == f"process {topic}"}
appends = {line["span"] for line in lines if line["name"] == "append"}
links = 0
for batch in batches.values():
    attributes = batch["attributes"]
    assert batch["kind"] == "CONSUMER" and not batch["parent"], batch
    assert attributes["messaging.system"] == "kafka", batch
    assert attributes["messaging.operation.type"] == "process", batch
    assert attributes["messaging.consumer.group.name"], batch
    count = len(batch["links"]) + batch["dropped_links"]
    assert 0 < count <= attributes["messaging.batch.message_count"], batch
    assert all(link["attributes"]["messaging.message.id"] for link in batch["links"]), batch
    links += len(batch["links"])
for span in named("apply"):
    (link,) = span["links"]
    batch = batches[link["span"]]
    assert batch["trace"] == link["trace"] and batch["trace"] != trace, batch
    assert append["span"] in [link["span"] for link in batch["links"]], batch
    assert batch["attributes"]["eventually.read_model"] == span["attributes"]["eventually.read_model"]
print(
    f"{len(lines)} spans came, {len(spans)} of the command's trace, in one tree; "
    f"{len(batches)} batches have {links} links, {len(appends)} appends"
)
