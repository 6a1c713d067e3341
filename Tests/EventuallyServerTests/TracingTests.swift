import Eventually
import Foundation
import Testing
import Tracing

@testable import EventuallyServer

struct TracingTests {
  @Test(arguments: [
    ("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", true),
    ("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00", false),
    ("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-03", true),
    ("cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-later", true),
  ])
  func anIdentityKeepsWhetherItIsRecorded(text: String, isSampled: Bool) throws {
    let identity = try #require(W3CIdentity(text))
    #expect(identity.isSampled == isSampled)
    #expect(TraceContext.isRecorded(EventMetadata(traceParent: text)) == isSampled)
    let child = W3CIdentity(in: identity, sampling: SpanSampling(ratio: 0) ?? .all)
    #expect(child.traceID == identity.traceID && child.isSampled == isSampled)
    #expect(child.spanID != identity.spanID)
    #expect(W3CIdentity(child.description) == child)
  }

  @Test(arguments: [
    "", "00", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
    "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
    "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    "00-0AF7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    "00-00000000000000000000000000000000-b7ad6b7169203331-01",
    "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
    "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0x",
    "00-0af7651916cd43dd8448eb211c80319c-b7ad6b716920333١-01",
  ])
  func whatIsNoIdentityIsNotTakenForOne(text: String) {
    #expect(W3CIdentity(text) == nil)
  }

  /// What other tracers have added is passed on, through events too.
  @Test func theStateOfOtherTracersIsPassedOn() throws {
    let identity = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    let spans = Locked<[FinishedSpan]>([])
    let tracer = W3CTracer { span in spans.withLock { $0.append(span) } }
    var context = ServiceContext.topLevel
    tracer.extract(
      ["traceparent": identity, "tracestate": "congo=t61,rojo=00f"], into: &context,
      using: Carrier())
    let span = tracer.startSpan("x", context: context, ofKind: .server)
    var carrier: [String: String] = [:]
    tracer.inject(span.context, into: &carrier, using: Carrier())
    span.end()
    #expect(carrier["tracestate"] == "congo=t61,rojo=00f")
    #expect(carrier["traceparent"]?.contains("0af7651916cd43dd8448eb211c80319c") == true)
    let body = OTLPRequest(resource: [], version: "1").body(spans.withLock { $0 })
    #expect(
      String(decoding: body, as: UTF8.self).contains(#""traceState":"congo=t61,rojo=00f""#))
    let event = Persisted(
      streamID: "s",
      position: EventPosition(partition: 0, partitionOffset: 1, sequenceNumber: 1, version: 1),
      id: EventID(high: 1, low: 1), time: .now(), event: 1,
      metadata: EventMetadata(traceParent: identity, additional: ["tracestate": "a=b", "x": "y"]))
    let following = EventMetadata.following(event)
    #expect(following.additional == ["tracestate": "a=b"] && following.traceParent == identity)
  }

  private struct Carrier: Injector, Extractor {
    func inject(_ value: String, forKey key: String, into carrier: inout [String: String]) {
      carrier[key] = value
    }
    func extract(key: String, from carrier: [String: String]) -> String? { carrier[key] }
  }

  @Test func aRatioOfTheTracesIsRecorded() throws {
    #expect(SpanSampling(ratio: -0.1) == nil && SpanSampling(ratio: 1.1) == nil)
    #expect(SpanSampling(ratio: .nan) == nil)
    let quarter = try #require(SpanSampling(ratio: 0.25))
    #expect(quarter.includes(1 << 62 - 1) && !quarter.includes(1 << 62))
    let (none, all) = try (
      #require(SpanSampling(ratio: 0)), #require(SpanSampling(ratio: 1))
    )
    #expect(!none.includes(0) && all.includes(.max))
  }

  @Test func aTraceThatIsNotRecordedHandsNothingOn() throws {
    let ended = Locked<[String]>([])
    let tracer = W3CTracer(sampling: try #require(SpanSampling(ratio: 0))) { span in
      ended.withLock { $0.append(span.name) }
    }
    let span = tracer.startSpan("root", context: .topLevel, ofKind: .server)
    #expect(!span.isRecording)
    span.attributes["x"] = 1
    #expect(span.attributes.isEmpty)
    span.end()
    let parent = W3CIdentity("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
    var context = ServiceContext.topLevel
    context[W3CIdentity.Key.self] = parent
    let child = tracer.startSpan("child", context: context, ofKind: .server)
    child.end()
    child.end()
    #expect(ended.withLock { $0 } == ["child"])
  }

  /// What is linked to recorded traces is recorded itself, however few are.
  @Test func aTraceThatIsLinkedToRecordedOnesIsRecorded() throws {
    let ended = Locked<[FinishedSpan]>([])
    let tracer = W3CTracer(sampling: try #require(SpanSampling(ratio: 0))) { span in
      ended.withLock { $0.append(span) }
    }
    var linked = ServiceContext.topLevel
    linked[W3CIdentity.Key.self] = W3CIdentity(
      "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
    let span = tracer.startSpan("process", context: TraceContext.recorded, ofKind: .consumer)
    for _ in 0..<130 { span.addLink(SpanLink(context: linked, attributes: ["x": 1])) }
    span.end()
    let finished = try #require(ended.withLock { $0.first })
    #expect(finished.parentID == nil && finished.links.count == 128 && finished.droppedLinks == 2)
    let body = OTLPRequest(resource: [], version: "1").body([finished])
    #expect(String(decoding: body, as: UTF8.self).contains(#""droppedLinksCount":2"#))
  }

  /// As OpenTelemetry's examples of the JSON form have it.
  @Test func aRequestIsWrittenAsOTLP() throws {
    let spans = Locked<[FinishedSpan]>([])
    let tracer = W3CTracer { span in spans.withLock { $0.append(span) } }
    var context = ServiceContext.topLevel
    context[W3CIdentity.Key.self] = W3CIdentity(
      "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
    let span = tracer.startSpan("append \"x\"", context: context, ofKind: .producer)
    span.updateAttributes { attributes in
      attributes["text"] = "a\u{202E}b"
      attributes["number"] = Int64.max
      attributes["part"] = 0.5
      attributes["is"] = true
      attributes["list"] = ["a", "b"]
      attributes["none"] = Double.nan
    }
    span.addLink(SpanLink(context: context, attributes: [:]))
    span.recordError(CancellationError())
    span.end()
    let request = OTLPRequest(resource: [("service.name", "orders-writer")], version: "1.2.3")
    let body = request.body(spans.withLock { $0 })
    let object = try #require(
      JSONSerialization.jsonObject(with: Data(body)) as? [String: [[String: Any]]])
    let scopes = try #require(object["resourceSpans"]?[0]["scopeSpans"] as? [[String: Any]])
    let written = try #require((scopes[0]["spans"] as? [[String: Any]])?.first)
    #expect(written["traceId"] as? String == "0af7651916cd43dd8448eb211c80319c")
    #expect(written["parentSpanId"] as? String == "b7ad6b7169203331")
    #expect(written["name"] as? String == "append \"x\"" && written["kind"] as? Int == 4)
    #expect((written["startTimeUnixNano"] as? String).flatMap { UInt64($0) } ?? 0 > 0)
    let attributes = try #require(written["attributes"] as? [[String: Any]])
    var values: [String: String] = [:]
    for attribute in attributes {
      let value = try JSONSerialization.data(
        withJSONObject: #require(attribute["value"]), options: .sortedKeys)
      values[try #require(attribute["key"] as? String)] = String(decoding: value, as: UTF8.self)
    }
    #expect(
      values == [
        "text": "{\"stringValue\":\"a\u{202E}b\"}",
        "number": #"{"intValue":"9223372036854775807"}"#, "part": #"{"doubleValue":0.5}"#,
        "is": #"{"boolValue":true}"#, "none": #"{"stringValue":"nan"}"#,
        "list": #"{"arrayValue":{"values":[{"stringValue":"a"},{"stringValue":"b"}]}}"#,
      ])
    #expect(
      (written["links"] as? [[String: Any]])?.first?["spanId"] as? String == "b7ad6b7169203331")
    #expect((written["events"] as? [[String: Any]])?.first?["name"] as? String == "exception")
    #expect((written["status"] as? [String: Any])?["code"] as? Int == 2)
  }

  @Test(arguments: [
    ("", 0), ("{}", 0), ("nonsense", 0), (#"{"partialSuccess":{}}"#, 0),
    (#"{"partialSuccess":{"rejectedSpans":"3","errorMessage":"no"}}"#, 3),
    (#"{"partialSuccess":{"rejectedSpans":4}}"#, 4),
  ])
  func anAnswerTellsWhatWasRefused(body: String, count: Int) {
    #expect(OTLPAnswer(Array(body.utf8)).refusedSpans == count)
  }
}
