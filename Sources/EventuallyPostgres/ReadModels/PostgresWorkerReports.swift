package import Eventually

/// The reports of a read model's workers, in tables beside those of the generation that they work on. The tables are not logged: a crash of the
/// server empties them, and no standby has them.
package struct PostgresWorkerReports: WorkerReports {
  let catalog: PostgresReadModelCatalog
  private let state = State()

  init(_ catalog: PostgresReadModelCatalog) {
    self.catalog = catalog
  }

  /// What was done since something was dropped.
  private final class State: Sendable {
    struct Counts {
      var reports = 0
      var runs: [Partition: Int] = [:]
      /// The generation whose tables are known to be there.
      var generation: Int?
    }
    let counts = Locked(Counts())
  }

  static let names: Set<String> = ["worker_reports", "applied_batches", "retried_events"]

  private static let tables: [String] =
    [
      """
      CREATE UNLOGGED TABLE IF NOT EXISTS worker_reports (
        name text COLLATE "C" PRIMARY KEY,
        reported timestamptz NOT NULL,
        report text NOT NULL
      ) WITH (fillfactor = 20)
      """
    ]
    + SQLText.comments(
      on: "worker_reports", "What the workers tell of themselves, twice a second.",
      [
        "name": "The worker.", "reported": "When it told that.",
        "report": "What it told, as JSON.",
      ])
    + [
      """
      CREATE UNLOGGED TABLE IF NOT EXISTS applied_batches (
        partition integer NOT NULL,
        last_position bigint NOT NULL,
        first_position bigint NOT NULL,
        first_time timestamptz NOT NULL,
        last_time timestamptz NOT NULL,
        epoch bigint NOT NULL,
        worker text NOT NULL,
        PRIMARY KEY (partition, last_position)
      )
      """
    ]
    + SQLText.comments(
      on: "applied_batches", "When events were applied, and by which worker: the newest.",
      [
        "partition": "One of the store's partitions, from 0.",
        "last_position": "The partition offset of the last event.",
        "first_position": "The partition offset of the first event.",
        "first_time": "When the first batch of them was committed.",
        "last_time": "When the last batch of them was committed.",
        "epoch": "The number of the worker's lease.", "worker": "The worker.",
      ])

  private static let retries: [String] =
    [
      """
      CREATE UNLOGGED TABLE IF NOT EXISTS retried_events (
        sequence bigint PRIMARY KEY,
        time timestamptz NOT NULL,
        name text NOT NULL
      )
      """
    ]
    + SQLText.comments(
      on: "retried_events", "When parked events were retried last, and by whom: the newest.",
      [
        "sequence": "The event's sequence number.", "time": "When it was retried.",
        "name": "Who retried it.",
      ])

  private func schema(of generation: Int) -> String {
    catalog.database.names.generation(generation, of: catalog.name)
  }

  package func report(
    _ report: WorkerReport, of worker: String, applied: [AppliedRun]
  ) async throws(ReadModelError) {
    let schema = schema(of: report.generation)
    do {
      if state.counts.withLock({ $0.generation != report.generation }) {
        try await makeTables(including: "applied_batches", in: schema)
        state.counts.withLock { $0 = .init(generation: report.generation) }
      }
      var statements = [
        CatalogSession.path(schema),
        PostgresStatement(
          """
          INSERT INTO worker_reports VALUES ($1, clock_timestamp(), $2)
          ON CONFLICT (name) DO UPDATE SET reported = excluded.reported, report = excluded.report
          """, .text(worker), .text(try report.json())),
      ]
      if !applied.isEmpty { statements.append(Self.insert(applied, worker)) }
      statements += prunings(applied)
      _ = try await catalog.database.pool.run(statements, "report")
    } catch {
      // Somebody may have dropped the tables.
      state.counts.withLock { $0.generation = nil }
      throw .failed(catalog.location, error)
    }
  }

  package func note(
    retriesOf events: [UInt64], by name: String, at time: Timestamp, to generation: Int
  ) async throws(ReadModelError) {
    guard !events.isEmpty else { return }
    let schema = schema(of: generation)
    do {
      try await makeTables(including: "retried_events", in: schema)
      _ = try await catalog.database.pool.run(
        [
          CatalogSession.path(schema),
          PostgresStatement(
            """
            INSERT INTO retried_events SELECT u.*, $2::timestamptz, $3::text FROM unnest($1::bigint[]) u
            ON CONFLICT (sequence) DO UPDATE SET time = excluded.time, name = excluded.name
            """, .int8s(events.map { Int64(clamping: $0) }), .timestamp(time), .text(name)),
          PostgresStatement(
            """
            DELETE FROM retried_events WHERE sequence <= (
              SELECT sequence FROM retried_events ORDER BY sequence DESC LIMIT 1 OFFSET \(WorkerReportLimits.retries))
              AND sequence > (SELECT min(sequence) FROM retried_events)
            """),
        ], "note retries")
    } catch {
      throw .failed(catalog.location, error)
    }
  }

  /// - Parameter table: the one that is needed: generations of earlier versions lack the table of retries.
  private func makeTables(including table: String, in schema: String) async throws {
    let found = try await catalog.database.ask(
      PostgresStatement(
        "SELECT to_regclass($1) IS NOT NULL, to_regclass('applied_batches') IS NOT NULL",
        .text(table)), in: schema, doing: "look for reports")
    if try found.bool(0, 0) { return }
    let missing = (try found.bool(0, 1) ? [] : Self.tables) + Self.retries
    // Of several workers that make them at the same time, one does, and the others look again when they report next.
    _ = try await catalog.database.pool.run(
      [CatalogSession.path(schema)] + missing.map { PostgresStatement($0) },
      "make tables for reports")
  }

  private static func insert(_ applied: [AppliedRun], _ worker: String) -> PostgresStatement {
    PostgresStatement(
      """
      INSERT INTO applied_batches
      SELECT u.*, $7::text FROM unnest($1::integer[], $2::bigint[], $3::bigint[], $4::timestamptz[], $5::timestamptz[], $6::bigint[]) u
      ON CONFLICT (partition, last_position) DO UPDATE SET first_position = excluded.first_position,
        first_time = excluded.first_time, last_time = excluded.last_time, epoch = excluded.epoch, worker = excluded.worker
      """, .int4s(applied.map(\.partition)),
      .int8s(applied.map { Int64(clamping: $0.positions.upperBound) }),
      .int8s(applied.map { Int64(clamping: $0.positions.lowerBound) }),
      .timestamps(applied.map(\.times.lowerBound)), .timestamps(applied.map(\.times.upperBound)),
      .int8s(applied.map { Int64(clamping: $0.epoch) }), .text(worker))
  }

  /// What drops the oldest, now and then.
  private func prunings(_ applied: [AppliedRun]) -> [PostgresStatement] {
    var due: [Partition] = []
    var isWorkersDue = false
    state.counts.withLock { counts in
      counts.reports += 1
      if counts.reports > 20 { (counts.reports, isWorkersDue) = (0, true) }
      for run in applied {
        let count = (counts.runs[run.partition] ?? WorkerReportLimits.pruning) + 1
        counts.runs[run.partition] = count > WorkerReportLimits.pruning ? 1 : count
        if count > WorkerReportLimits.pruning { due.append(run.partition) }
      }
    }
    var statements = due.map { partition in
      PostgresStatement(
        """
        DELETE FROM applied_batches WHERE partition = $1 AND last_position <= (
          SELECT last_position FROM applied_batches WHERE partition = $1
          ORDER BY last_position DESC LIMIT 1 OFFSET \(WorkerReportLimits.runs))
        """, .int4(partition))
    }
    if isWorkersDue {
      statements.append(
        PostgresStatement(
          """
          DELETE FROM worker_reports WHERE reported < clock_timestamp() - $1::interval OR name NOT IN
            (SELECT name FROM worker_reports ORDER BY reported DESC LIMIT \(WorkerReportLimits.workers))
          """, .interval(WorkerReportLimits.age)))
    }
    return statements
  }

  package func withdraw(_ worker: String, from generation: Int) async throws(ReadModelError) {
    guard state.counts.withLock({ $0.generation }) == generation else { return }
    _ = try await catalog.database.ask(
      PostgresStatement("DELETE FROM worker_reports WHERE name = $1", .text(worker)),
      in: schema(of: generation), doing: "take a report back")
  }

  package func workers() async throws(ReadModelError) -> [ReportedWorker] {
    guard let live = try await catalog.live() else { return [] }
    let rows = try await ask(
      PostgresStatement(
        """
        SELECT name, greatest(0, extract(epoch FROM clock_timestamp() - reported) * 1000000)::bigint, report FROM worker_reports
        WHERE reported >= clock_timestamp() - $1::interval ORDER BY name LIMIT \(WorkerReportLimits.workers)
        """, .interval(WorkerReportLimits.age)), of: live, doing: "list workers")
    guard let rows else { return [] }
    return try catalog.failing { () throws(PostgresError) in
      var workers: [ReportedWorker] = []
      for row in 0..<rows.count {
        workers.append(
          ReportedWorker(
            name: try rows.text(row, 0), age: .microseconds(try rows.integer(row, 1)),
            report: WorkerReport(json: try rows.text(row, 2))))
      }
      return workers
    }
  }

  package func run(
    containing position: EventPosition, of generation: Int
  ) async throws(ReadModelError) -> AppliedRun? {
    let retries = try await ask(
      PostgresStatement(
        "SELECT time, name FROM retried_events WHERE sequence = $1",
        .position(position.sequenceNumber)), of: generation, doing: "look for a retry")
    if let retries, retries.count == 1 {
      return try catalog.failing { () throws(PostgresError) in
        AppliedRun(
          retryOf: position, at: try retries.timestamp(0, 0), by: try retries.text(0, 1))
      }
    }
    let rows = try await ask(
      PostgresStatement(
        """
        SELECT first_position, last_position, first_time, last_time, epoch, worker FROM applied_batches
        WHERE partition = $1 AND last_position >= $2 AND first_position <= $2 ORDER BY last_position LIMIT 1
        """, .int4(position.partition), .position(position.partitionOffset)),
      of: generation, doing: "look for a batch")
    guard let rows, rows.count == 1 else { return nil }
    return try catalog.failing { () throws(PostgresError) in
      AppliedRun(
        containing: position, (try rows.unsigned(0, 0), try rows.unsigned(0, 1)),
        (try rows.timestamp(0, 2).microseconds, try rows.timestamp(0, 3).microseconds),
        epoch: try rows.unsigned(0, 4), worker: try rows.text(0, 5))
    }
  }

  package func hasRetries(
    before sequenceNumber: UInt64, of generation: Int
  ) async throws(ReadModelError) -> Bool {
    let rows = try await ask(
      PostgresStatement(
        "SELECT FROM retried_events WHERE sequence < $1 LIMIT 1", .position(sequenceNumber)),
      of: generation, doing: "look for retries")
    return rows.map { $0.count > 0 } ?? false
  }

  /// - Returns: `nil` where no worker has ever reported to the generation.
  private func ask(
    _ statement: PostgresStatement, of generation: Int, doing operation: String
  ) async throws(ReadModelError) -> PostgresRows? {
    do {
      return try await catalog.database.ask(
        statement, in: schema(of: generation), doing: operation)
    } catch {
      guard case .damaged(_, let cause) = error, let refused = cause as? PostgresError,
        refused.state == .undefinedTable
      else { throw error }
      return nil
    }
  }
}

extension PostgresReadModelCatalog: ReportingCatalog {
  /// Where workers report to.
  package func makeReports() -> any WorkerReports { PostgresWorkerReports(self) }
}
