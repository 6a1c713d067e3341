"""Holds OpenAPI documents against the specification and against what they have to say: check.py FILE...

Every operation has a name of its own, a group, a summary, a description, an answer 2xx and one of each kind of problem as an example; every
body, parameter and header has an example, and each example fits its schema."""

import json
import re
import sys

from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator


class Document:
    def __init__(self, path):
        self.path = path
        with open(path) as file:
            self.root = json.load(file)
        self.faults = [f"{list(error.path)}: {error.message}" for error in OpenAPIV31SpecValidator(self.root).iter_errors()]
        self.examples = 0

    def resolved(self, value):
        while "$ref" in value:
            found = self.root
            for part in value["$ref"].removeprefix("#/").split("/"):
                found = found[part]
            value = found
        return value

    def hold(self, place, schema, value):
        """Holds an example against a schema."""
        self.examples += 1
        # The components come along, so that references lead somewhere.
        whole = {"$ref": "#/schema", "schema": schema, "components": self.root.get("components", {})}
        validator = Draft202012Validator(whole, format_checker=Draft202012Validator.FORMAT_CHECKER)
        for error in validator.iter_errors(value):
            self.faults.append(f"{place}: the example {json.dumps(value)[:200]}: {error.message}")

    def hold_schemas(self, place, value):
        """Holds the examples within schemas against those."""
        if isinstance(value, dict):
            if isinstance(value.get("examples"), list):
                for example in value["examples"]:
                    self.hold(place, value, example)
            for key, member in value.items():
                self.hold_schemas(f"{place}/{key}", member)
        elif isinstance(value, list):
            for index, member in enumerate(value):
                self.hold_schemas(f"{place}/{index}", member)

    def check_content(self, place, content, status=None):
        for media, body in content.items():
            here = f"{place} {media}"
            if "schema" not in body:
                self.faults.append(f"{here}: no schema")
                continue
            named = {name: self.resolved(example)["value"] for name, example in body.get("examples", {}).items()}
            found = list(named.values()) + ([body["example"]] if "example" in body else [])
            for example in found:
                self.hold(here, body["schema"], example)
            if not found:
                self.faults.append(f"{here}: no example")
            if media != "application/problem+json":
                continue
            for name, example in named.items():
                if example["status"] != status or not name.startswith(example["type"].removeprefix("/problems/")):
                    self.faults.append(f"{here}: the example {name} is of {example['status']}, {example['type']}")

    def check_operation(self, place, operation):
        for member in ("operationId", "tags", "summary", "description"):
            if not operation.get(member):
                self.faults.append(f"{place}: no {member}")
        if not re.fullmatch("[a-z][A-Za-z0-9]*", operation.get("operationId", "")):
            self.faults.append(f"{place}: {operation.get('operationId')} is no name of a method")
        for parameter in map(self.resolved, operation.get("parameters", [])):
            here = f"{place} {parameter['in']} {parameter['name']}"
            if "example" in parameter:
                self.hold(here, parameter["schema"], parameter["example"])
            else:
                self.faults.append(f"{here}: no example")
            if not parameter.get("description"):
                self.faults.append(f"{here}: no description")
        if "requestBody" in operation:
            self.check_content(f"{place} body", self.resolved(operation["requestBody"])["content"])
        answers = {status: self.resolved(answer) for status, answer in operation["responses"].items()}
        if not any(status.startswith("2") for status in answers):
            self.faults.append(f"{place}: no answer 2xx")
        expected = set() if place.endswith(("/healthz", "/readyz", "/metrics", "/asyncapi.json")) else {"500", "503"}
        names = {self.resolved(parameter)["name"] for parameter in operation.get("parameters", [])}
        if names - {"X-Request-Id"}:
            expected.add("400")
        if "requestBody" in operation:
            expected |= {"408", "413", "415", "422"}
        for status in sorted(expected - set(answers)):
            self.faults.append(f"{place}: no answer {status}")
        for status, answer in answers.items():
            here = f"{place} {status}"
            self.check_content(here, answer.get("content", {}), int(status))
            if "content" not in answer and status not in ("204", "304"):
                self.faults.append(f"{here}: no content")
            for name, header in answer.get("headers", {}).items():
                header = self.resolved(header)
                if "example" in header:
                    self.hold(f"{here} {name}", header["schema"], header["example"])
                else:
                    self.faults.append(f"{here} {name}: no example")
            if status == "503" and "Retry-After" not in answer.get("headers", {}):
                self.faults.append(f"{here}: no Retry-After")

    def check(self):
        names = []
        for path, operations in self.root["paths"].items():
            for method, operation in operations.items():
                names.append(operation.get("operationId"))
                self.check_operation(f"{method} {path}", operation)
        self.faults += [f"the name {name} is there more than once" for name in set(names) if names.count(name) > 1]
        self.hold_schemas("schemas", self.root.get("components", {}).get("schemas", {}))
        for fault in self.faults:
            print(f"{self.path}: {fault}", file=sys.stderr)
        print(f"{self.path}: {len(names)} operations, {self.examples} examples, {len(self.faults)} faults")
        return not self.faults


if not all([Document(path).check() for path in sys.argv[1:]]):
    sys.exit(1)
