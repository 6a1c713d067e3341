import Foundation

/// The event store and the read models in PostgreSQL.
extension Runner {
  private static let section = "PostgreSQL (a server of its own, fsync=on, synchronous_commit=on)"

  /// - Parameters:
  ///   - store: a store in a file, whose events fit into what the broker keeps of 64 partitions.
  ///   - events: how many it has.
  func postgres(_ store: String, events: Int) throws {
    guard let postgresServer else {
      missing("PostgreSQL: it is not installed")
      return
    }
    try withPostgres(postgresServer) { port in
      try appendToPostgres(port)
      try loadFromPostgres(port)
      try applyToPostgres(store, events: events, port)
      try latencyOfPostgres(port)
    }
  }

  private func callers(_ count: Int, _ events: Int, _ url: String) throws -> Sample {
    try swift(["callers", url, "\(count)", "\(events)", "10000"])
  }

  private func cAppend(
    _ group: Int, _ events: Int, _ port: UInt16, _ function: String = "append_group"
  ) throws -> Sample {
    let url = try freshDatabase("reference", port)
    // The tables and functions are the library's.
    _ = try swift(["build", url, "0", "12"])
    return try c(["pg-append", url, "\(group)", "\(events)", "10000", function])
  }

  private func appendToPostgres(_ port: UInt16) throws {
    let events = isQuick ? 6_400 : 64_000
    let name = "64 callers append one event each"
    try compare(
      Self.section, name, goal: .ratio(0.8),
      with: Reference(name: "C, the same statements in groups of 64") { _ in
        try self.cAppend(64, events, port)
      }
    ) { _ in try callers(64, events, try freshDatabase("append", port)) }
    try compare(
      Self.section, name, goal: .ratio(8),
      with: Reference(name: "C, one commit an event") { _ in try self.cAppend(1, 2_000, port) }
    ) { _ in try callers(64, events, try freshDatabase("append", port)) }
    try compare(
      Self.section, "two writers with 32 callers each", goal: .ratio(0.9),
      with: Reference(name: "one with 64") { _ in
        try self.callers(64, events, try self.freshDatabase("append", port))
      }
    ) { _ in try twoWriters(events, port) }
    try gapless(events, port)
    try peer(port)
  }

  private func twoWriters(_ events: Int, _ port: UInt16) throws -> Sample {
    let url = try freshDatabase("append", port)
    _ = try swift(["build", url, "0", "12"])
    let ends = try (0..<2).map { _ in
      try start(["callers", url, "32", "\(events / 2)", "10000"])
    }.map { try $0.wait() }
    let writers = ends.compactMap(\.measured)
    guard writers.count == 2, var slower = writers.max(by: { $0.seconds < $1.seconds }) else {
      throw BenchError("a writer measured nothing")
    }
    slower.count = writers.reduce(0) { $0 + $1.count }
    return Sample(measured: slower, peak: ends.map(\.peak).max() ?? 0)
  }

  /// What it costs that numbers have no gaps.
  private func gapless(_ events: Int, _ port: UInt16) throws {
    var (subjects, references): ([Sample], [Sample]) = ([], [])
    for _ in 0..<repetitions {
      subjects.append(try cAppend(64, events, port))
      references.append(try cAppend(64, events, port, "nextval"))
    }
    let slowest = Self.quantiles(references).map { $0[1] } ?? 0
    try add(
      Self.section, "C: groups of 64 appended by append_group", subjects, with: references,
      named: "the same with nextval and its gaps",
      goal: Goal(text: "ratio ≥ 0.8, p99 ≤ 2 ×") { row in
        guard let ratio = row.ratio, let quantiles = row.quantiles else { return false }
        return ratio.median >= 0.8 && quantiles[1] <= 2 * slowest
      })
  }

  /// What the Rust crate `eventually-postgres` does for an append, as its tables and procedures say: a row with the stream's version is
  /// read and updated, and the event inserted, in one transaction; there are no positions over all streams and no outbox.
  private func peer(_ port: UInt16) throws {
    guard let pgbench = Self.pgbench else {
      missing("another library's append: pgbench is not installed")
      return
    }
    let each = isQuick ? 50 : 1_000
    let script = fresh("peer.sql")
    try Self.peerAppend.write(toFile: script, atomically: true, encoding: .utf8)
    try compare(
      Self.section, "64 callers append one event each",
      with: Reference(name: "eventually-postgres's tables, pgbench with 64 connections") { _ in
        let url = try self.freshDatabase("peer", port)
        _ = try self.c(["pg-run", url, Self.peerTables])
        let process = try ChildProcess(
          pgbench,
          ["-n", "-M", "prepared", "-c", "64", "-j", "2", "-t", "\(each)", "-f", script, url])
        let (_, peak) = try process.wait()
        let words = process.text.split { $0 == " " || $0 == "\n" }
        guard let place = words.firstIndex(of: "tps"), let rate = Double(words[place + 2]) else {
          throw BenchError("pgbench does not say how fast it was: \(process.text)")
        }
        let count = 64 * each
        return Sample(measured: Measured(count: count, seconds: Double(count) / rate), peak: peak)
      }
    ) { _ in
      try callers(64, isQuick ? 6_400 : 64_000, try freshDatabase("append", port))
    }
  }

  private static var pgbench: String? {
    let folder = "/usr/lib/postgresql"
    let versions = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    return versions.map { "\(folder)/\($0)/bin/pgbench" }
      .last { FileManager.default.isExecutableFile(atPath: $0) }
  }

  private static let peerTables = """
    CREATE TABLE event_streams (id text PRIMARY KEY, version integer NOT NULL CHECK (version > 0));
    CREATE TABLE events (
      stream text NOT NULL REFERENCES event_streams (id) ON DELETE CASCADE, type text NOT NULL,
      version integer NOT NULL CHECK (version > 0), event bytea NOT NULL, metadata jsonb,
      PRIMARY KEY (stream, version));
    CREATE INDEX ON events (stream);
    CREATE FUNCTION next_version(of_stream text, added integer) RETURNS integer LANGUAGE plpgsql AS $$
    DECLARE v integer;
    BEGIN
      SELECT s.version INTO v FROM event_streams s WHERE s.id = of_stream;
      v := coalesce(v, 0) + added;
      INSERT INTO event_streams VALUES (of_stream, v) ON CONFLICT (id) DO UPDATE SET version = excluded.version;
      RETURN v;
    END $$;
    """

  /// Two callers of one stream at once conflict there, so that each connection has streams of its own.
  private static let peerAppend = """
    \\set stream random(1, 16000)
    BEGIN;
    SELECT next_version('order-' || :client_id || '-' || :stream, 1) AS version \\gset
    INSERT INTO events VALUES ('order-' || :client_id || '-' || :stream, 'OrderItemAdded', :version,
      convert_to(rpad('{"sku":"85123A"}', 170, 'x'), 'UTF8'), '{"correlation":"0c4b9c1e"}');
    COMMIT;
    """

  private func loadFromPostgres(_ port: UInt16) throws {
    let url = try freshDatabase("loads", port)
    _ = try swift(["append", url, "10", "10", "1"])
    let work = [url, "order-00000000", isQuick ? "500" : "5000"]
    try compare(
      Self.section, "an aggregate of 10 events from the repository", goal: .ratio(0.7),
      with: Reference(name: "C, one round trip, not decoded") { _ in try self.c(["pg-load"] + work)
      }
    ) { _ in try swift(["load"] + work) }
  }

  private func applyToPostgres(_ store: String, events: Int, _ port: UInt16) throws {
    let models = isQuick ? ["sales"] : ["sales", "orders", "customers"]
    var (reference, samples): ([Sample], [String: [Sample]]) = ([], [:])
    for round in 0..<min(repetitions, 2) {
      progress("\(Self.section): apply, round \(round + 1)")
      try forgetPublished(store)
      try withBroker(partitions: 64) { place in
        _ = try swift(["publish", store] + place.words)
        let url = try freshDatabase("reference", port)
        reference.append(try c(["pg-apply"] + place.words + ["64", "\(events)", url]))
        for model in models {
          for workers in isQuick ? [1] : [1, 2] {
            samples["\(model) \(workers)", default: []].append(
              try apply(
                store, place, model, workers: workers, events: events,
                into: try freshDatabase("models", port)))
          }
        }
      }
    }
    let goal = Goal(text: "ratio ≥ 0.7, ≥ 50k/s") { row in
      row.subject.median >= 50_000 && row.ratio.map { $0.median >= 0.7 } ?? false
    }
    for model in models {
      let one = samples["\(model) 1"] ?? []
      try add(
        Self.section, "\(model), 1 worker", one, with: reference,
        named: "C: upserts from arrays, not decoded", goal: goal)
      guard let two = samples["\(model) 2"] else { continue }
      try add(
        Self.section, "\(model), 2 workers", two, with: one, named: "1 worker", goal: .ratio(1.5))
    }
  }

  private func latencyOfPostgres(_ port: UInt16) throws {
    var samples: [Sample] = []
    for _ in 0..<(isQuick ? 1 : min(repetitions, 2)) {
      samples.append(
        try paced(
          rate: 1_000, seconds: isQuick ? 2 : 5, store: try freshDatabase("paced", port),
          database: try freshDatabase("models", port)))
    }
    addLatency(
      Self.section, "append → visible in sales, 1000 events/s", samples, 1_000, 40)
  }
}
