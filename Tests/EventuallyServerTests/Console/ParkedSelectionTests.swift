import Eventually
import Testing

@testable import EventuallyServer

@Suite struct ParkedSelectionTests {
  private func parked(_ names: [String], reason: String = "r") -> [ParkedStream] {
    names.map {
      ParkedStream(
        streamID: $0, partition: 0, reason: reason, since: Timestamp(microseconds: 5), events: 2,
        firstPosition: 1)
    }
  }

  /// Parts, each after the last stream of the one before, have each stream once, whatever their size.
  @Test(arguments: 1...9) func partsHaveEachStreamOnce(limit: Int) {
    let names = ["b", "a", "e\u{301}", "é", "z", "", "aa"]
    let all = parked(names) + parked(["other"], reason: "another")
    var found: [String] = []
    var after: String?
    while true {
      let part = ParkedSelection(of: all, names: nil, reason: "r", after: after, limit: limit)
      found += part.streams.map(\.streamID)
      #expect(part.left == names.count - found.count)
      guard part.left > 0, let last = part.streams.last else { break }
      after = last.streamID
    }
    #expect(
      found.map { Array($0.utf8) }
        == names.map { Array($0.utf8) }.sorted { $0.lexicographicallyPrecedes($1) })
  }

  @Test func aChangeNamesItsReadModelAndItsStreams() {
    func target(_ count: Int) -> String {
      ParkedChange.target(
        "sales",
        (1...count).map {
          .init(stream: "f-\($0)", partition: 0, events: 3, outcome: .discarded)
        })
    }
    #expect(target(1) == "sales: f-1 (3 events)")
    #expect(target(5) == "sales: f-1, f-2, f-3 and 2 more (15 events)")
  }

  @Test func streamsAreMeantByTheirBytes() {
    let all = parked(["e\u{301}", "é", "x"])
    let one = ParkedSelection(
      of: all, names: ["é", "gone"], reason: nil, after: nil, limit: 5)
    #expect(one.streams.map { $0.streamID.utf8.count } == [2] && one.left == 0)
  }

  @Test func longReasonsAreMeantByWhatIsShown() {
    let long = String(repeating: "ü", count: 5_000)
    let all = parked(["x"], reason: long)
    for reason in [ParkedSelection.shown(long)] {
      #expect(reason.utf8.count < 5_000)
      #expect(
        ParkedSelection(of: all, names: nil, reason: reason, after: nil, limit: 5).streams.count
          == 1)
    }
    #expect(
      ParkedSelection(of: all, names: nil, reason: "ü", after: nil, limit: 5).streams.isEmpty)
  }

  @Test func whatIsShownIsGroupedByReasonAndCut() throws {
    var frame = ParkedFrame { stream in stream != "hidden" }
    frame.add("sales", parked: parked((0..<60).map { "s\($0)" }), rejected: [])
    frame.add(
      "orders", parked: parked(["hidden"], reason: "it says <secret>"),
      rejected: [
        RejectedRecord(
          partition: 1, offset: 5, reason: "no JSON", key: Array("hidden".utf8),
          value: Array("secret".utf8) + [0xFF], size: 9)
      ])
    var json = JSONWriter()
    frame.write(&json, changes: [])
    let text = String(decoding: json.bytes, as: UTF8.self)
    #expect(!text.contains("secret"), "\(text)")
    #expect(text.contains(#"{"readModel":"sales","reason":"r","streams":60,"events":120,"#))
    #expect(text.contains(#""reason":"(masked)","streams":1"#) && text.contains(#""hasMore":true"#))
    #expect(text.split(separator: #""from":"#).count == ParkedFrame.listed + 1)
  }
}
