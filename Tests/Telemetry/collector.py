"""A trace collector that takes OTLP over HTTP: each request is decoded by OpenTelemetry's own protobuf definitions.

    collector.py FILE URL-FILE

Spans are added to FILE, a line of JSON each. A request that can't be decoded is answered with 400 and noted as a line {"fault": …}.
"""

import base64
import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock

from google.protobuf import json_format
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2
from opentelemetry.proto.trace.v1 import trace_pb2

lock = Lock()


def with_binary_ids(value):
    """Ids are hexadecimal in OTLP's JSON, where protobuf's own has base64."""
    if isinstance(value, list):
        return [with_binary_ids(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        name: base64.b64encode(bytes.fromhex(item)).decode()
        if name in ("traceId", "spanId", "parentSpanId")
        else with_binary_ids(item)
        for name, item in value.items()
    }


def plain(value):
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [plain(item) for item in value.array_value.values]
    return getattr(value, kind)


def spans(body):
    request = json_format.ParseDict(
        with_binary_ids(json.loads(body)), trace_service_pb2.ExportTraceServiceRequest()
    )
    for resource in request.resource_spans:
        service = {item.key: plain(item.value) for item in resource.resource.attributes}
        for scope in resource.scope_spans:
            for span in scope.spans:
                assert len(span.trace_id) == 16 and len(span.span_id) == 8, "ids have another length"
                assert len(span.parent_span_id) in (0, 8), "the parent's id has another length"
                assert 0 < span.start_time_unix_nano <= span.end_time_unix_nano, "the times are wrong"
                assert span.kind != 0 and span.name, "kind or name is missing"
                for link in span.links:
                    assert len(link.trace_id) == 16 and len(link.span_id) == 8, "a link leads nowhere"
                yield {
                    "service": service["service.name"],
                    "name": span.name,
                    "trace": span.trace_id.hex(),
                    "span": span.span_id.hex(),
                    "parent": span.parent_span_id.hex(),
                    "state": span.trace_state,
                    "error": span.status.code == 2,
                    "kind": trace_pb2.Span.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_"),
                    "links": [
                        {
                            "trace": link.trace_id.hex(),
                            "span": link.span_id.hex(),
                            "attributes": {item.key: plain(item.value) for item in link.attributes},
                        }
                        for link in span.links
                    ],
                    "dropped_links": span.dropped_links_count,
                    "attributes": {item.key: plain(item.value) for item in span.attributes},
                }


class Collector(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        status = 200
        try:
            assert self.path == "/v1/traces", f"it came to {self.path}"
            assert self.headers["Content-Type"] == "application/json", "it is called something else"
            lines = list(spans(body))
        except Exception as error:
            status, lines = 400, [{"fault": f"{type(error).__name__}: {error}"}]
        with lock, open(sys.argv[1], "a", encoding="utf-8") as file:
            for line in lines:
                print(json.dumps(line), file=file)
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *arguments):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Collector)
with open(sys.argv[2], "w", encoding="utf-8") as file:
    file.write(f"http://127.0.0.1:{server.server_port}")
server.serve_forever()
