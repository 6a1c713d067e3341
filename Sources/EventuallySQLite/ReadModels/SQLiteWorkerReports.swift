package import Eventually

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// The reports of a read model's workers, in a file of their own beside the generations.
///
/// In a generation's file each report would be a change that queries and their caches notice, and workers would wait for each other to write
/// it. This file is never synchronized: a machine that loses power may leave it damaged, and then it is begun anew.
package actor SQLiteWorkerReports: WorkerReports {
  private let executor = BlockingExecutor(label: "readmodel.reports")
  private let directory: ReadModelDirectory
  /// A connection, and the file that it is to: a damaged one is replaced.
  private typealias Opened = (connection: SQLiteConnection, file: FileIdentity?)
  private var writer: Opened?
  private var reader: Opened?
  /// How many reports were written since old ones were dropped.
  private var reportsSincePruning = 0
  private var runsSincePruning: [Int: [Partition: Int]] = [:]

  /// The thread that the file's calls block.
  package nonisolated var unownedExecutor: UnownedSerialExecutor {
    executor.asUnownedSerialExecutor()
  }

  init(_ directory: ReadModelDirectory) {
    self.directory = directory
  }

  private nonisolated var path: String { "\(directory.path)/workers.sqlite" }

  private static let tables = """
    CREATE TABLE IF NOT EXISTS worker_reports (
      name TEXT PRIMARY KEY,
      reported INTEGER NOT NULL,
      report TEXT NOT NULL
    ) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS applied_batches (
      generation INTEGER NOT NULL,
      partition INTEGER NOT NULL,
      last_position INTEGER NOT NULL,
      first_position INTEGER NOT NULL,
      first_time INTEGER NOT NULL,
      last_time INTEGER NOT NULL,
      epoch INTEGER NOT NULL,
      worker TEXT NOT NULL,
      PRIMARY KEY (generation, partition, last_position)
    ) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS retried_events (
      generation INTEGER NOT NULL,
      sequence INTEGER NOT NULL,
      time INTEGER NOT NULL,
      name TEXT NOT NULL,
      PRIMARY KEY (generation, sequence)
    ) WITHOUT ROWID;
    """

  package func report(
    _ report: WorkerReport, of worker: String, applied: [AppliedRun]
  ) async throws(ReadModelError) {
    try writing { connection in
      let now = Timestamp.now()
      try connection.run(
        "INSERT OR REPLACE INTO worker_reports VALUES (?, ?, ?)", .text(worker),
        .integer(now.microseconds), .text(try report.json()))
      for run in applied { try Self.insert(run, of: worker, to: report.generation, connection) }
      try prune(connection, now, applied, of: report.generation)
    }
  }

  package func note(
    retriesOf events: [UInt64], by name: String, at time: Timestamp, to generation: Int
  ) async throws(ReadModelError) {
    let number = ColumnValue.integer(Int64(generation))
    try writing { connection in
      for event in events {
        try connection.run(
          "INSERT OR REPLACE INTO retried_events VALUES (?, ?, ?, ?)", number,
          .integer(Int64(clamping: event)), .integer(time.microseconds), .text(name))
      }
      try connection.run(
        """
        DELETE FROM retried_events WHERE generation = ?1 AND sequence <= (
          SELECT sequence FROM retried_events WHERE generation = ?1
          ORDER BY sequence DESC LIMIT 1 OFFSET \(WorkerReportLimits.retries))
          AND sequence > (SELECT min(sequence) FROM retried_events WHERE generation = ?1)
        """, number)
    }
  }

  private static func insert(
    _ run: AppliedRun, of worker: String, to generation: Int, _ connection: SQLiteConnection
  ) throws {
    try connection.run(
      "INSERT OR REPLACE INTO applied_batches VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
      .integer(Int64(generation)), .integer(Int64(run.partition)),
      .integer(Int64(clamping: run.positions.upperBound)),
      .integer(Int64(clamping: run.positions.lowerBound)),
      .integer(run.times.lowerBound.microseconds), .integer(run.times.upperBound.microseconds),
      .integer(Int64(clamping: run.epoch)), .text(worker))
  }

  private func prune(
    _ connection: SQLiteConnection, _ now: Timestamp, _ applied: [AppliedRun], of generation: Int
  ) throws {
    reportsSincePruning += 1
    if reportsSincePruning > 20 {
      reportsSincePruning = 0
      try connection.run(
        """
        DELETE FROM worker_reports WHERE reported < ? OR name NOT IN
          (SELECT name FROM worker_reports ORDER BY reported DESC LIMIT \(WorkerReportLimits.workers))
        """, .integer(now.microseconds - WorkerReportLimits.age.nanoseconds / 1_000))
    }
    for run in applied {
      let count =
        runsSincePruning[generation]?[run.partition] ?? WorkerReportLimits.pruning
      guard count >= WorkerReportLimits.pruning else {
        runsSincePruning[generation, default: [:]][run.partition] = count + 1
        continue
      }
      runsSincePruning[generation, default: [:]][run.partition] = 1
      try connection.run(
        """
        DELETE FROM applied_batches WHERE generation = ?1 AND partition = ?2 AND last_position <= (
          SELECT last_position FROM applied_batches WHERE generation = ?1 AND partition = ?2
          ORDER BY last_position DESC LIMIT 1 OFFSET \(WorkerReportLimits.runs))
        """, .integer(Int64(generation)), .integer(Int64(run.partition)))
    }
  }

  package func withdraw(_ worker: String, from generation: Int) async throws(ReadModelError) {
    try writing { connection in
      try connection.run("DELETE FROM worker_reports WHERE name = ?", .text(worker))
    }
  }

  package func workers() async throws(ReadModelError) -> [ReportedWorker] {
    try reading { connection in
      let now = Timestamp.now().microseconds
      let oldest = now - WorkerReportLimits.age.nanoseconds / 1_000
      return try connection.rows(
        """
        SELECT name, reported, report FROM worker_reports WHERE reported >= ?
        ORDER BY name LIMIT \(WorkerReportLimits.workers)
        """, [.integer(oldest)]
      ) { row in
        let reported = Timestamp(microseconds: row.integer(1)).microseconds
        return ReportedWorker(
          name: row.text(0), age: .microseconds(max(0, now - reported)),
          report: WorkerReport(json: row.text(2)))
      }
    } ?? []
  }

  package func run(
    containing position: EventPosition, of generation: Int
  ) async throws(ReadModelError) -> AppliedRun? {
    try reading { connection in
      if let retry = try Self.retry(of: position, in: generation, connection) { return retry }
      let found = try connection.rows(
        """
        SELECT first_position, last_position, first_time, last_time, epoch, worker FROM applied_batches
        WHERE generation = ?1 AND partition = ?2 AND last_position >= ?3 AND first_position <= ?3
        ORDER BY last_position LIMIT 1
        """,
        [
          .integer(Int64(generation)), .integer(Int64(position.partition)),
          .integer(Int64(clamping: position.partitionOffset)),
        ]
      ) { row in
        (
          positions: (row.unsigned(0), row.unsigned(1)), times: (row.integer(2), row.integer(3)),
          epoch: row.unsigned(4), worker: row.text(5)
        )
      }.first
      guard let found else { return nil }
      return AppliedRun(
        containing: position, found.positions, found.times, epoch: found.epoch,
        worker: found.worker)
    } ?? nil
  }

  private static func retry(
    of position: EventPosition, in generation: Int, _ connection: SQLiteConnection
  ) throws -> AppliedRun? {
    guard try hasRetries(connection) else { return nil }
    return try connection.rows(
      "SELECT time, name FROM retried_events WHERE generation = ? AND sequence = ?",
      [.integer(Int64(generation)), .integer(Int64(clamping: position.sequenceNumber))]
    ) { row in
      AppliedRun(
        retryOf: position, at: Timestamp(microseconds: row.integer(0)), by: row.text(1))
    }.first
  }

  package func hasRetries(
    before sequenceNumber: UInt64, of generation: Int
  ) async throws(ReadModelError) -> Bool {
    try reading { connection in
      guard try Self.hasRetries(connection) else { return false }
      return try connection.rows(
        "SELECT 1 FROM retried_events WHERE generation = ? AND sequence < ? LIMIT 1",
        [.integer(Int64(generation)), .integer(Int64(clamping: sequenceNumber))]
      ) { _ in true }.first ?? false
    } ?? false
  }

  /// Whether the file has the table: one of an earlier version has not, until it is written to.
  private static func hasRetries(_ connection: SQLiteConnection) throws -> Bool {
    try connection.integer(
      "SELECT count(*) FROM sqlite_schema WHERE name = 'retried_events'") == 1
  }

  // MARK: - The file

  private func writing(
    _ body: (SQLiteConnection) throws -> Void
  ) throws(ReadModelError) {
    do {
      do {
        if writer?.file != FileIdentity(path: path) { writer = nil }
        let opened = try writer ?? openToWrite()
        writer = opened
        try opened.connection.write { try body(opened.connection) }
      } catch let error as SQLiteError where error.isDamage(of: path) || error.isOfOtherTables {
        // The next report begins it anew; others find that out by the file's identity.
        writer = nil
        try directory.removeDatabase(path)
        throw error
      }
    } catch {
      throw .failed(path, error)
    }
  }

  private func openToWrite() throws -> Opened {
    let connection = try SQLiteConnection(path: path, mode: .create, busyTimeout: 5_000)
    try connection.useWriteAheadLog()
    try connection.execute("PRAGMA synchronous = OFF; PRAGMA secure_delete = ON")
    try connection.execute(Self.tables)
    let generations = try directory.generations().map { "\($0)" }.joined(separator: ", ")
    for table in ["applied_batches", "retried_events"] {
      try connection.execute("DELETE FROM \(table) WHERE generation NOT IN (\(generations))")
    }
    return (connection, FileIdentity(path: path))
  }

  /// - Returns: `nil` where no worker has ever reported.
  private func reading<Value>(
    _ body: (SQLiteConnection) throws -> Value
  ) throws(ReadModelError) -> Value? {
    let file = FileIdentity(path: path)
    if reader?.file != file { reader = nil }
    guard file != nil else { return nil }
    do {
      let opened =
        try reader ?? (SQLiteConnection(path: path, mode: .readOnly, busyTimeout: 1_000), file)
      reader = opened
      return try body(opened.connection)
    } catch let error as SQLiteError where error.isOfOtherTables {
      // Somebody has just made the file, and will make its tables.
      reader = nil
      return nil
    } catch {
      reader = nil
      throw .failed(path, error)
    }
  }
}

extension ReadModelDirectory: ReportingCatalog {
  /// Where workers report to.
  package func makeReports() -> any WorkerReports { SQLiteWorkerReports(self) }
}
