import Foundation
import Testing

@testable import Eventually

@Suite struct ReplayRecordTests {
  private func record() -> ReplayRecord {
    ReplayRecord(begunBy: "x", at: Date(timeIntervalSince1970: 5))
  }

  private func take(_ record: inout ReplayRecord, _ events: ReplayEvent...) {
    for event in events { record.take(event) { table in ["\(table) key", "value"] } }
  }

  private func comparison(_ differences: [RowDifference]) -> ReplayComparison {
    ReplayComparison(
      live: 1, events: 3, differenceCount: 1_000, differences: differences, liveDigest: "a",
      liveRows: 1, digest: "b", rows: 2)
  }

  /// Rounds that follow the live generation are added to what was applied before.
  @Test func roundsAreAddedUp() {
    var record = record()
    let seconds = { Duration.seconds($0) }
    take(
      &record, .began(isResumed: false, origin: "zero", events: 0),
      .applying(ReplayProgress(applied: 10, total: 40, elapsed: seconds(2))))
    #expect(record.applied == 10 && record.total == 40 && record.rate == 5)
    take(&record, .applied(ReplayProgress(applied: 40, total: 40, elapsed: seconds(4))))
    #expect(record.applied == 40 && record.total == 40 && record.rate == 10)
    take(&record, .applying(ReplayProgress(applied: 1, total: 8, elapsed: seconds(1))))
    #expect(record.applied == 41 && record.total == 48)
    // More may come than was to come.
    take(&record, .applied(ReplayProgress(applied: 9, total: 8, elapsed: seconds(1))))
    #expect(record.applied == 49 && record.total == 49)
  }

  @Test func itIsTheSameOnceItIsReadBack() throws {
    var record = record()
    take(
      &record,
      .compared(
        comparison([
          RowDifference(
            table: "t", key: [.text("a\0\u{202E}"), .integer(.min)],
            expected: [.null, .text("1")], found: nil)
        ])))
    record.why = "because"
    let read = try #require(ReplayRecord(ReplayNote(text: try record.text, age: .zero)))
    #expect(read == record)
    #expect(read.comparison?.columns == ["t": ["t key", "value"]])
    #expect(
      read.comparison?.differences.first?.key.map(\.column) == [
        .text("a\0\u{202E}"), .integer(.min),
      ])
    #expect(read.comparison?.differences.first?.rebuilt?.map(\.column) == [.null, .text("1")])
    #expect(ReplayRecord(ReplayNote(text: "{}", age: .zero)) == nil)
  }

  /// However large rows are, a record stays one that a page shows.
  @Test func itIsBounded() throws {
    var record = record()
    let large = RowDifference(
      table: "t", key: [.text("k")],
      expected: (0..<20).map { _ in .text(String(repeating: "é", count: 100_000)) }, found: nil)
    take(&record, .compared(comparison(Array(repeating: large, count: 200))))
    let kept = try #require(record.comparison)
    #expect(kept.differences.count > 5 && kept.differences.count < 200)
    #expect(try record.text.utf8.count < 2 * ReplayRecord.Comparison.byteLimit)
    #expect(kept.differenceCount == 1_000)
  }
}
