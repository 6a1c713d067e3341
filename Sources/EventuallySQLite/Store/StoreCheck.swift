public import Eventually

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

extension SQLiteEventLog {
  /// Looks for damage, and reads the whole file for it: SQLite's pages and indexes, numbers that have to be without gaps, and
  /// the links that streams are read by.
  ///
  /// SQLite keeps no checksums of what rows hold. Where bits have changed within an event's payload, type, time, id or
  /// metadata, nothing is found here; a read model that was built before differs from the fold of such a store.
  /// - Parameters:
  ///   - limit: at most so many findings are told.
  ///   - progress: called with the share of the events that have been looked at.
  /// - Returns: what was found, in words; empty for a store that is sound.
  /// - Throws: `EventStoreError` where the file can't be read at all.
  public func findDamage(
    limit: Int = 10, progress: (Double) -> Void = { _ in }
  ) async throws(EventStoreError) -> [String] {
    var check = StoreCheck(partitionCount: partitionCount, limit: limit)
    let size = fileSize
    do {
      check.findings += try await read { connection in
        try connection.rows("PRAGMA integrity_check(\(limit))") { $0.text(0) }.filter { $0 != "ok" }
      }
      let head = try await head()
      while !check.isAtEnd, check.findings.count < limit {
        let state = check
        check = try await read { connection in
          var check = state
          try check.readPage(connection)
          return check
        }
        progress(Double(min(check.sequence, head)) / Double(max(head, 1)))
      }
      let left = limit - check.findings.count
      if left > 0 {
        check.findings += try await read {
          try StoreCheck.streams($0, limit: left) + StoreCheck.keys($0, limit: left)
        }
      }
      // SQLite reads zeros where the last page is cut off. While the file grows, it may end anywhere for a moment.
      let pageSize = try await read { try $0.integer("PRAGMA page_size") ?? 1 }
      if let size, size == fileSize, size % max(pageSize, 1) != 0 {
        check.findings.append("it ends within a page, at \(size) bytes: it was cut off")
      }
    } catch {
      guard error.isDamage else { throw error }
      check.findings.append("\(error)")
    }
    return Array(check.findings.prefix(limit))
  }
}

extension SQLiteEventLog {
  /// The size of the store's file in bytes; `nil` where it can't be told.
  private var fileSize: Int64? {
    var status = stat()
    return stat(path, &status) == 0 ? Int64(status.st_size) : nil
  }
}

extension EventStoreError {
  /// Whether the store's file is damaged.
  fileprivate var isDamage: Bool {
    guard case .unavailable(_, let cause) = self else { return false }
    return cause is StoreDamage || (cause as? SQLiteError)?.isDamage == true
  }
}

/// Holds a store's events against what is true of every store. A page at a time, so that the writer's log can be emptied in
/// between.
private struct StoreCheck {
  private static let pageSize: Int64 = 20_000
  private let partitioner: Partitioner
  private let limit: Int
  /// The last partition offset of each partition that was met.
  private var offsets: [UInt64]
  /// The sequence number that was looked at last.
  private(set) var sequence: UInt64 = 0
  private(set) var isAtEnd = false
  var findings: [String] = []

  init(partitionCount: Partition, limit: Int) {
    partitioner = Partitioner(count: partitionCount)
    offsets = Array(repeating: 0, count: Int(partitionCount))
    self.limit = limit
  }

  mutating func readPage(_ connection: SQLiteConnection) throws {
    let select = try connection.statement(
      """
      SELECT e.sequence, e.version, e.previous, e.partition, e.partition_sequence, s.id, length(e.id),
        p.stream IS e.stream, p.version, e.type, s.partition, e.time
      FROM events e LEFT JOIN streams s ON s.key = e.stream LEFT JOIN events p ON p.sequence = e.previous
      WHERE e.sequence > ? ORDER BY e.sequence LIMIT ?
      """)
    select.bind([.integer(Int64(clamping: sequence)), .integer(Self.pageSize)])
    defer { select.reset() }
    var count: Int64 = 0
    while try select.step() {
      count += 1
      look(at: select)
      guard findings.count < limit else { return }
    }
    isAtEnd = count < Self.pageSize
  }

  private mutating func look(at row: SQLiteStatement) {
    let found = row.unsigned(0)
    if found != sequence + 1 {
      findings.append(
        "sequence number \(sequence) is followed by \(found): the events between are missing")
    }
    sequence = max(sequence, found)
    func report(_ what: String) { findings.append("the event at sequence number \(found) \(what)") }
    guard let partition = Partition(exactly: row.integer(3)),
      offsets.indices.contains(Int(partition))
    else { return report("is in partition \(row.integer(3)), which the store does not have") }
    let offset = row.unsigned(4)
    if offset != offsets[Int(partition)] + 1 {
      report("has partition offset \(offset) after \(offsets[Int(partition)])")
    }
    offsets[Int(partition)] = offset
    guard let streamID = row.optionalText(5) else { return report("is of no stream") }
    if partitioner.partition(of: streamID) != partition {
      report("is in partition \(partition), which its stream '\(streamID)' is not")
    }
    if row.integer(10) != Int64(partition) {
      report("is in partition \(partition), and its stream's row says \(row.integer(10))")
    }
    if row.integer(6) != 16 { report("has no id") }
    if Timestamp(exactly: row.integer(11)) == nil { report("has no time") }
    checkLink(row, report)
  }

  private func checkLink(_ row: SQLiteStatement, _ report: (String) -> Void) {
    let version = row.integer(1)
    let isFirst = version == 1 || (version == 0 && row.text(9) == EventRecord.removedType)
    if isFirst {
      if row.integer(2) != 0 { report("is the first of its stream, and names one before it") }
    } else if version < 1 || row.integer(7) != 1 || row.integer(8) != version - 1 {
      report("has version \(version), and does not name the one before it in its stream")
    }
  }

  /// Idempotency keys that name no event of their stream.
  static func keys(_ connection: SQLiteConnection, limit: Int) throws -> [String] {
    guard try connection.integer("PRAGMA user_version") ?? 0 >= StoreSchema.firstWithKeys else {
      return []
    }
    return try connection.rows(
      """
      SELECT s.id, k.sequence FROM idempotency_keys k LEFT JOIN streams s ON s.key = k.stream
        LEFT JOIN events e ON e.sequence = k.sequence
      WHERE s.key IS NULL OR (k.sequence != 0 AND (e.stream IS NOT k.stream OR e.version < 1))
      LIMIT ?
      """, [.integer(Int64(limit))]
    ) { row in
      "an idempotency key of the stream '\(row.text(0))' names the event at sequence number \(row.integer(1)), "
        + "which is not of that stream"
    }
  }

  /// Streams whose row does not name their last event.
  static func streams(_ connection: SQLiteConnection, limit: Int) throws -> [String] {
    try connection.rows(
      """
      SELECT s.id, s.version, s.head FROM streams s LEFT JOIN events e ON e.sequence = s.head
      WHERE CASE WHEN s.version = 0 THEN s.head != 0 ELSE e.stream IS NOT s.key OR e.version IS NOT s.version END
      LIMIT ?
      """, [.integer(Int64(limit))]
    ) { row in
      "the stream '\(row.text(0))' is at version \(row.integer(1)), which the event at sequence number "
        + "\(row.integer(2)) is not"
    }
  }
}
