import Eventually
import Foundation
import Logging
import Testing

@testable import EventuallyCommand

@Suite struct PrintableTests {
  @Test(arguments: [
    ("plain, é, 日本, 🙂, \\", "plain, é, 日本, 🙂, \\"), ("a\nb\r\tc", "a\\nb\\r\\tc"),
    ("\u{1B}]0;x\u{07}", "\\u001B]0;x\\u0007"),
    ("\u{0}\u{7F}\u{80}\u{9F}", "\\u0000\\u007F\\u0080\\u009F"),
    ("\u{202A}\u{202E}\u{2066}\u{2069}", "\\u202A\\u202E\\u2066\\u2069"),
    ("\u{200B}\u{200E}\u{2028}\u{FEFF}\u{AD}", "\\u200B\\u200E\\u2028\\uFEFF\\u00AD"),
    ("\u{E0041}", "\\uDB40\\uDC41"), ("\r\n", "\\r\\n"), ("e\u{301}\u{1B}", "e\u{301}\\u001B"),
  ])
  func whatIsInvisibleOrActsIsEscaped(text: String, expected: String) {
    #expect(printable(text) == expected)
    #expect(printable(expected) == expected)
  }

  @Test func newlinesAreKeptWhereLinesAreMeant() {
    #expect(printable("a\nb\u{1B}", keepsNewlines: true) == "a\nb\\u001B")
  }

  @Test func jsonStaysTheSameJSON() throws {
    let value = ["a\u{7F}": "\u{9B}\u{202E}\u{E0041} \u{1F}\n\"é🙂"]
    let bytes = Array(try JSONSerialization.data(withJSONObject: value, options: .prettyPrinted))
    let text = printableJSON(bytes + [0x0A, 0x0A])
    #expect(printable(text) == text)
    let read = try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: String]
    #expect(read == value)
  }

  @Test func tablesAreEscapedBeforeTheyAreAligned() {
    var table = TextTable("a", "b\n")
    table.add("\u{1B}", "x")
    #expect(table.text == "a       b\\n\n------  ---\n\\u001B  x")
  }

  /// Keeps what it gets.
  private struct Recorder: LogHandler {
    final class Events: Sendable {
      let texts = Locked<[String]>([])
    }
    let events: Events
    var metadata: Logger.Metadata = [:]
    var metadataProvider: Logger.MetadataProvider?
    var logLevel = Logger.Level.trace

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
      get { metadata[key] }
      set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
      let all = metadata.merging(event.metadata ?? [:]) { $1 }
      let words = all.map { "\($0.key)=\($0.value)" }.joined(separator: " ")
      events.texts.withLock { $0.append("\(event.message) \(words)") }
    }
  }

  /// A header of a record can't forge a line of the log.
  @Test func logsAreEscaped() {
    let events = Recorder.Events()
    var logger = Logger(label: "test") { _ in PrintableLogHandler(Recorder(events: events)) }
    logger[metadataKey: "own\n"] = "a\nb"
    let forged = "x\n2026-01-01T00:00:00+0000 info writer: all is well\u{1B}[2J"
    logger.info(
      "a\nb",
      metadata: [
        "ce_source": "\(forged)", "list": ["\u{202E}"],
        "map": ["k\n": .stringConvertible(URL(filePath: "/\u{9B}"))],
      ])
    let text = events.texts.withLock { $0 }.joined()
    #expect(printable(text) == text, "\(text)")
    #expect(text.contains("ce_source=x\\n2026"), "\(text)")
  }
}
