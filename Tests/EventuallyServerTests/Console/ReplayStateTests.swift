import Foundation
import Testing

@testable import Eventually
@testable import EventuallyServer

/// Which replay a page shows, and how far it is.
@Suite struct ReplayStateTests {
  private func generation(
    _ number: Int, isLive: Bool = false, isBuilding: Bool = false, replay: String? = nil,
    record state: ReplayRecord.State? = nil, age: Duration = .zero, version: Int = 1
  ) throws -> Generation {
    var generation = Generation(
      number: number, location: "", schemaVersion: version, origin: "",
      created: Timestamp(microseconds: 0), isBuilding: isBuilding, replay: replay, isLive: isLive)
    if let state {
      var record = ReplayRecord(begunBy: "somebody", at: Date(timeIntervalSince1970: 1))
      record.state = state
      generation.note = ReplayNote(text: try record.text, age: age)
    }
    return generation
  }

  private func phase(_ generations: Generation...) -> String? {
    ReplayState(generations, schemaVersion: 1)?.phase.rawValue
  }

  @Test func theLastOneIsShownUntilItIsLive() throws {
    let live = try generation(1, isLive: true)
    let old = Duration.seconds(60)
    func replay(
      _ state: ReplayRecord.State?, isBuilding: Bool = true, age: Duration = .zero
    ) throws -> Generation {
      try generation(
        2, isBuilding: isBuilding, replay: "--from zero", record: state, age: age)
    }
    #expect(phase(live) == nil)
    #expect(phase() == nil)
    #expect(phase(live, try replay(nil)) == "applying")
    #expect(phase(live, try replay(.applying)) == "applying")
    #expect(phase(live, try replay(.applying, age: old)) == "stopped")
    #expect(phase(live, try replay(.comparing)) == "comparing")
    #expect(phase(live, try replay(.comparing, age: old)) == "stopped")
    #expect(phase(live, try replay(.failed, age: old)) == "failed")
    #expect(phase(live, try replay(.built, isBuilding: false, age: old)) == "built")
    // Killed between its last step and its last record, or built by a version that keeps none.
    #expect(phase(live, try replay(.comparing, isBuilding: false, age: old)) == "built")
    #expect(phase(live, try replay(nil, isBuilding: false)) == "built")
    // One that was live, and is not any more.
    #expect(phase(live, try replay(.live, isBuilding: false)) == nil)
    // Of another version of the tables, and one before the live one.
    #expect(phase(live, try generation(2, isBuilding: true, replay: "x", version: 2)) == nil)
    #expect(
      phase(try replay(.built, isBuilding: false), try generation(3, isLive: true)) == nil)
    // The first one of all.
    #expect(phase(try replay(.applying)) == "applying")
  }

  @Test func whatIsMaskedIsNotWritten() throws {
    var record = ReplayRecord(begunBy: "somebody", at: Date(timeIntervalSince1970: 1))
    record.take(
      .compared(
        ReplayComparison(
          live: 1, events: 9, differenceCount: 1,
          differences: [
            RowDifference(
              table: "t", key: [.text("a\u{202E}")], expected: [.integer(5), .text("secret")],
              found: nil)
          ], liveDigest: "d", liveRows: 1, digest: "e", rows: 2))
    ) { _ in ["id", "n", "name"] }
    var generation = try generation(2, replay: "--from zero --to 7")
    generation.note = ReplayNote(text: try record.text, age: .zero)
    let state = try #require(ReplayState([generation], schemaVersion: 1))
    for isMasked in [false, true] {
      var json = JSONWriter()
      state.write(&json, masking: RowMasking { column, _ in isMasked && column == "name" })
      let text = String(decoding: json.bytes, as: UTF8.self)
      #expect(text.contains("secret") == !isMasked && text.contains("\"rebuilt\":[5,"), "\(text)")
      #expect(text.contains(#""from":"zero","to":"7","state":"built""#), "\(text)")
      #expect(text.contains(#""live":null"#) && text.contains(#"{"t":["id","n","name"]}"#))
    }
  }

  @Test func aRequestIsReadBack() throws {
    for (from, to) in [("zero", nil), ("before", "17"), ("2026-11-23T12:00:00Z", "2026-11-24")]
      as [(String, String?)]
    {
      let request = try ReplayRequest(from: from, to: to)
      #expect(ReplayRequest(text: request.text) == request)
    }
    #expect(ReplayRequest(text: "repair") == nil)
    #expect(ReplayRequest(text: "--from ") == nil)
    for (from, to) in [("", nil), ("a b", nil), ("zero", "soon"), ("zero", "")]
      as [(String, String?)]
    {
      #expect(throws: Failure.self) { try ReplayRequest(from: from, to: to) }
    }
  }
}
