import Eventually
import Foundation
import Logging
import Testing

@testable import EventuallyCommand

/// What logs look like, and how much of them there is.
@Suite struct LogTests {
  private struct Mishap: Error, CustomStringConvertible {
    var description: String { "spilt \u{1B}[2J" }
  }

  private func event(_ metadata: Logger.Metadata?) -> LogEvent {
    var event = LogEvent(
      level: .warning, message: "a \"line\"\nand \u{202E}more", metadata: metadata,
      source: "Tests", file: "", function: "", line: 1)
    event.error = Mishap()
    return event
  }

  @Test func aLineOfJSONHasAllThatIsKnown() throws {
    var handler = ProcessLogHandler(label: "writer")
    handler[metadataKey: "store"] = "s"
    let bytes = EventMetadata.$current.withValue(EventMetadata(correlationID: "c-1")) {
      handler.json(event(["level": "mine", "list": ["x", ["y": "2"]]]))
    }
    let text = String(decoding: bytes, as: UTF8.self)
    #expect(text.hasSuffix("}\n"))
    #expect(text.dropLast().allSatisfy { !$0.isNewline && $0 != "\u{1B}" && $0 != "\u{202E}" })
    let members = try #require(
      JSONSerialization.jsonObject(with: Data(bytes)) as? [String: Any])
    #expect(members["level"] as? String == "warning")
    #expect(members["logger"] as? String == "writer")
    #expect(members["source"] as? String == "Tests")
    #expect(members["message"] as? String == "a \"line\"\nand \u{202E}more")
    #expect(members["error"] as? String == "spilt \u{1B}[2J")
    #expect(members["store"] as? String == "s")
    #expect(members["metadata.level"] as? String == "mine")
    #expect(members["correlation_id"] as? String == "c-1")
    #expect((members["time"] as? String).flatMap(Timestamp.init) != nil)
    #expect("\(members["list"] ?? "")" == "[\"x\", [\"y\": \"2\"]]")
  }

  /// Of an event's trace, also where this process records none.
  @Test func aLineHasTheTraceOfWhatLedToIt() throws {
    let handler = ProcessLogHandler(label: "worker")
    let metadata = EventMetadata(
      correlationID: "c-1", traceParent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
    let bytes = EventMetadata.$current.withValue(metadata) { handler.json(event(nil)) }
    let members = try #require(
      JSONSerialization.jsonObject(with: Data(bytes)) as? [String: Any])
    #expect(members["trace_id"] as? String == "0af7651916cd43dd8448eb211c80319c")
    #expect(members["correlation_id"] as? String == "c-1")
  }

  @Test func eachSignalLogsALevelMoreUntilAll() {
    let verbosity = LogVerbosity()
    #expect(verbosity.level(.warning) == .warning)
    verbosity.raise()
    #expect(verbosity.level(.warning) == .notice)
    #expect(verbosity.level(.trace) == .trace)
    for _ in 0..<20 { verbosity.raise() }
    #expect(verbosity.level(.critical) == .trace)
    verbosity.reset()
    #expect(Logger.Level.allCases.map(verbosity.level) == Logger.Level.allCases)
  }
}
