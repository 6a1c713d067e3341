package import Foundation

/// How far a replay is, as it is kept with its generation: the last of these says what came of it.
package struct ReplayRecord: Sendable, Hashable, Codable {
  package enum State: String, Sendable, Codable {
    /// Events are being applied.
    case applying
    /// The generation is compared with the live one.
    case comparing
    /// The generation is built, and was not made live.
    case built
    /// The generation was made live.
    case live
    /// It ended before its end, or was called off: the same replay goes on.
    case failed
  }

  package var state = State.applying
  /// Why it failed.
  package var why: String?
  package var begunBy: String
  package var begun: Date
  /// How many of the events are applied that were to be when it began, or went on.
  package var applied: UInt64 = 0
  package var total: UInt64 = 0
  /// Events applied in a second.
  package var rate = 0.0
  /// For how many milliseconds it has been running, or ran.
  package var elapsed: Int64 = 0
  package var comparison: Comparison?
  /// How many events the rounds before this one have applied.
  private var earlier: UInt64 = 0

  package init(begunBy: String, at begun: Date) {
    self.begunBy = begunBy
    self.begun = begun
  }

  /// Notes what the replay tells.
  /// - Parameter columns: the names of a table's columns, its key's first.
  mutating func take(_ event: ReplayEvent, columns: (_ table: String) -> [String]) {
    switch event {
    case .began, .liveBeyondStore, .notCompared, .parked: break
    case .applying(let progress):
      state = .applying
      show(progress)
    case .applied(let progress):
      show(progress)
      earlier = total
    case .compared(let comparison):
      self.comparison = Comparison(comparison, columns: columns)
    }
  }

  private mutating func show(_ progress: ReplayProgress) {
    applied = earlier + progress.applied
    total = earlier + max(progress.total, progress.applied)
    let seconds = progress.elapsed / .seconds(1)
    rate = seconds > 0 ? Double(progress.applied) / seconds : 0
  }

  /// The record that a generation's note has; `nil` where it is of a version that this code can't read.
  package init?(_ note: ReplayNote) {
    guard let record = try? JSONDecoder().decode(ReplayRecord.self, from: Data(note.text.utf8))
    else { return nil }
    self = record
  }

  /// A note without the rows that differ, which may be of streams that were removed since; `nil` where it has none.
  package static func withoutRows(_ note: String) throws -> String? {
    guard var record = ReplayRecord(ReplayNote(text: note, age: .zero)), record.hasRows else {
      return nil
    }
    record.comparison?.forgetRows()
    return try record.text
  }

  private var hasRows: Bool { comparison?.differences.isEmpty == false }

  /// The record as it is stored.
  package var text: String {
    get throws { String(decoding: try JSONEncoder().encode(self), as: UTF8.self) }
  }
}

extension ReplayRecord {
  /// What comparing the generation with the live one came to. Values are cut, and not more differences are kept than fit into
  /// ``byteLimit``.
  package struct Comparison: Sendable, Hashable, Codable {
    package var live: Int
    package var events: UInt64
    package var differenceCount: Int
    package var differences: [Difference] = []
    /// The names of the columns of each table that has differences, the key's first.
    package var columns: [String: [String]] = [:]
    package var rows: Int
    package var liveRows: Int
    package var digest: String
    package var liveDigest: String

    /// About how many bytes the differences may have together.
    static let byteLimit = 512 * 1024
    /// How many characters of a value are kept.
    static let valueLimit = 1_000

    init(_ comparison: ReplayComparison, columns: (_ table: String) -> [String]) {
      live = comparison.live
      events = comparison.events
      differenceCount = comparison.differenceCount
      rows = comparison.rows
      liveRows = comparison.liveRows
      digest = comparison.digest
      liveDigest = comparison.liveDigest
      var bytes = 0
      for difference in comparison.differences {
        let kept = Difference(difference)
        bytes += kept.size
        guard bytes <= Self.byteLimit else { break }
        differences.append(kept)
        self.columns[kept.table] = columns(kept.table)
      }
    }

    fileprivate mutating func forgetRows() { (differences, columns) = ([], [:]) }
  }

  /// A row that differs.
  package struct Difference: Sendable, Hashable, Codable {
    package var table: String
    package var key: [Value]
    /// The other columns in the new generation; `nil` where it has no such row.
    package var rebuilt: [Value]?
    /// The other columns in the live generation; `nil` where it has no such row.
    package var live: [Value]?

    init(_ difference: RowDifference) {
      table = difference.table
      key = difference.key.map(Value.init)
      rebuilt = difference.expected?.map(Value.init)
      live = difference.found?.map(Value.init)
    }

    var size: Int {
      (key + (rebuilt ?? []) + (live ?? [])).reduce(table.utf8.count + 100) { $0 + $1.size }
    }
  }

  /// A column's value, in JSON a number, a text or null.
  package struct Value: Sendable, Hashable, Codable {
    package var column: ColumnValue

    init(_ column: ColumnValue) {
      if case .text(let text) = column, text.utf8.count > Comparison.valueLimit {
        self.column = .text(text.prefix(Comparison.valueLimit) + "…")
      } else {
        self.column = column
      }
    }

    var size: Int {
      guard case .text(let text) = column else { return 20 }
      return text.utf8.count + 3
    }

    package init(from decoder: any Decoder) throws {
      let container = try decoder.singleValueContainer()
      if container.decodeNil() {
        column = .null
      } else if let integer = try? container.decode(Int64.self) {
        column = .integer(integer)
      } else {
        column = .text(try container.decode(String.self))
      }
    }

    package func encode(to encoder: any Encoder) throws {
      var container = encoder.singleValueContainer()
      switch column {
      case .integer(let value): try container.encode(value)
      case .text(let text): try container.encode(text)
      case .null: try container.encodeNil()
      }
    }
  }
}

/// Keeps a replay's record, with its generation.
final class ReplayRecorder: Sendable {
  private let record: Locked<ReplayRecord>
  private let start: ContinuousClock.Instant
  private let columns: [String: [String]]
  private let save: @Sendable (String) async throws -> Void

  /// - Parameters:
  ///   - tables: the read model's tables.
  ///   - save: stores a record in place of the one before.
  init(
    _ record: ReplayRecord, tables: [TableSchema],
    save: @escaping @Sendable (String) async throws -> Void
  ) {
    self.record = Locked(record)
    start = .now - .milliseconds(record.elapsed)
    columns = Dictionary(tables.map { ($0.name, ($0.key + $0.values).map(\.name)) }) { $1 }
    self.save = save
  }

  /// Stores that the replay has begun, or goes on.
  func begin() async {
    record.withLock {
      $0.state = .applying
      $0.why = nil
    }
    await store()
  }

  func take(_ event: ReplayEvent) {
    record.withLock { $0.take(event) { columns[$0] ?? [] } }
  }

  func compares() { record.withLock { $0.state = .comparing } }

  /// Stores the record each second, and sooner in the beginning, until it is cancelled.
  func run() async {
    var interval = Duration.milliseconds(125)
    while !Task.isCancelled {
      await store()
      // Cancelled, the loop ends.
      try? await Task.sleep(for: interval)
      interval = min(interval * 2, .seconds(1))
    }
  }

  /// Stores what came of the replay.
  func end(_ state: ReplayRecord.State, why: String? = nil) async {
    record.withLock {
      $0.state = state
      $0.why = why
      // Nobody looks at them any more, and what the generation holds may be removed from it.
      if state == .live { $0.comparison?.forgetRows() }
    }
    await store()
  }

  private func store() async {
    let now = record.withLock { record in
      record.elapsed = Int64((ContinuousClock.now - start) / .milliseconds(1))
      return record
    }
    // A record that is lost is followed by the next one. A database that is gone ends the replay itself, with its own error.
    try? await save(try now.text)
  }
}
