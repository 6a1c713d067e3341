"""Holds AsyncAPI documents against the model of AsyncAPI 3.0, and the records of a topic against each document.

    asyncapi.py RECORDS [--schema FILE] DOCUMENT …

RECORDS has a line for each record, as kcat's -J writes them. With --schema, AsyncAPI's own JSON schema is in that file.
"""

import argparse
import json

from asyncapi3.models.asyncapi import AsyncAPI3
from jsonschema import Draft7Validator, FormatChecker

arguments = argparse.ArgumentParser()
arguments.add_argument("records")
arguments.add_argument("--schema")
arguments.add_argument("documents", nargs="+")
arguments = arguments.parse_args()
with open(arguments.records, encoding="utf-8") as file:
    records = [json.loads(line) for line in file]
assert records, "no record is on the topic"
checker = FormatChecker()
assert {"date-time", "uuid"} <= set(checker.checkers), sorted(checker.checkers)


def load(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def follow(document, value):
    while "$ref" in value:
        target = document
        for part in value["$ref"].removeprefix("#/").split("/"):
            target = target[part.replace("~1", "/").replace("~0", "~")]
        value = target
    return value


def check_references(document, value):
    if isinstance(value, list):
        for item in value:
            check_references(document, item)
    elif isinstance(value, dict):
        follow(document, value)
        for item in value.values():
            check_references(document, item)


def faults(document, schema, value):
    # A reference has no neighbours in this draft of JSON Schema.
    whole = {"allOf": [schema], "components": document["components"]}
    return [
        f"{error.json_path}: {error.message}"
        for error in Draft7Validator(whole, format_checker=checker).iter_errors(value)
    ]


def headers_of(record):
    parts = record.get("headers", [])
    return dict(zip(parts[::2], parts[1::2]))


def names_of_headers(document, schema):
    schema = follow(document, schema)
    names = set(schema.get("properties", {}))
    for part in schema.get("allOf", []):
        names |= names_of_headers(document, part)
    return names


for path in arguments.documents:
    document = load(path)
    AsyncAPI3.model_validate(document)
    check_references(document, document)
    if arguments.schema:
        schema = load(arguments.schema)
        found = [
            f"{error.json_path}: {error.message}"
            for error in Draft7Validator(schema).iter_errors(document)
        ]
        assert not found, found
    (channel,) = document["channels"].values()
    messages = {name: follow(document, value) for name, value in channel["messages"].items()}
    for name, message in messages.items():
        Draft7Validator.check_schema(message["headers"])
        Draft7Validator.check_schema(message["payload"])
        for example in message.get("examples", []):
            assert not faults(document, message["payload"], example["payload"]), (name, example)
    seen = {}
    for record in records:
        headers = headers_of(record)
        value = record["payload"]
        value = None if value is None else json.loads(value) if value else value
        # Of those that name the type, or any where none does.
        fitting = [
            name
            for name, message in messages.items()
            if not faults(document, message["headers"], headers)
        ]
        assert fitting, f"no message has these headers: {headers}"
        wrong = {name: faults(document, messages[name]["payload"], value) for name in fitting}
        match = next((name for name in fitting if not wrong[name]), None)
        assert match, f"the payload of {headers['ce_type']}, {value}: {wrong}"
        unknown = set(headers) - names_of_headers(document, messages[match]["headers"])
        assert not unknown, f"these headers are not in the document: {unknown}"
        seen[match] = seen.get(match, 0) + 1
    assert record["topic"] == channel["address"]
    partitions = channel["bindings"]["kafka"].get("partitions")
    assert partitions is None or all(record["partition"] < partitions for record in records)
    print(f"{path.split('/')[-1]}: {len(messages)} messages; records: {json.dumps(seen)}")
