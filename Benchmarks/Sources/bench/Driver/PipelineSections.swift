import EventuallySQLite
import Foundation

/// From the store through Kafka to read models.
extension Runner {
  /// - Parameter store: its events fit into what the broker keeps of 64 partitions.
  func publish(_ store: String) throws {
    let section = "Publish (store → broker, acknowledged; acks=all, idempotent)"
    func reference(_ name: String, _ mode: String) -> Reference {
      Reference(name: name) { _ in
        try self.withBroker(partitions: 64) {
          try self.c(["produce", store] + $0.words + [mode])
        }
      }
    }
    try compare(
      section, "all of a store's events", goal: .ratio(0.8),
      with: reference("C, same headers", "store")
    ) { _ in
      // A relay goes on where it was: it is to begin at the beginning.
      try forgetPublished(store)
      return try withBroker(partitions: 64) { try swift(["publish", store] + $0.words) }
    }
    try compare(
      section, "of which: reading pages of the store",
      with: reference("C, producing alone, from memory", "memory")
    ) { _ in try swift(["pages", store]) }
  }

  func forgetPublished(_ store: String) throws {
    let connection = try SQLiteConnection(path: store, mode: .readWrite)
    try connection.execute("UPDATE store SET value = 0 WHERE key = 'published'")
  }

  /// - Parameter events: how many there are in the store.
  func consume(_ store: String, events: Int) throws {
    let section = "Consume and apply (broker → read model, 64 partitions)"
    let models = isQuick ? ["sales"] : ["sales", "orders", "customers"]
    let workers = isQuick ? [1] : [1, 2, 4]
    var consumed: [Sample] = []
    var applied: [Sample] = []
    var samples: [String: [Sample]] = [:]
    for round in 0..<min(repetitions, 2) {
      try forgetPublished(store)
      try withBroker(partitions: 64) { place in
        progress("\(section): round \(round + 1)")
        _ = try swift(["publish", store] + place.words)
        consumed.append(try c(["consume"] + place.words + ["64", "\(events)"]))
        applied.append(
          try c(["apply"] + place.words + ["64", "\(events)", fresh("c-model.db")]))
        for model in models {
          for count in workers {
            let sample = try apply(
              store, place, model, workers: count, events: events, into: fresh("\(model).db"))
            samples["\(model) \(count)", default: []].append(sample)
          }
        }
      }
    }
    try add(section, "C: consume alone, nothing decoded or stored", consumed)
    for model in models {
      for count in workers {
        try add(
          section, "\(model), \(count) worker\(count == 1 ? "" : "s")",
          samples["\(model) \(count)"] ?? [], with: applied,
          named: "C: an upsert a record, not decoded",
          goal: model == "sales" && count == 1 ? .ratio(0.5) : nil)
      }
    }
  }

  /// Workers of one read model, from the first event that one of them applies to the last.
  func apply(
    _ store: String, _ place: Place, _ model: String, workers: Int, events: Int,
    into database: String
  ) throws -> Sample {
    let group = place.group("\(model)-\(workers)-\(UUID().uuidString)")
    let processes = try (0..<workers).map { _ in
      try start(["worker", store] + place.words + [model, database, "--group", group])
    }
    try wait(for: events, in: database, of: model, within: 120)
    let ends = try processes.map { try $0.stop() }
    for end in ends { note(peak: end.peak, of: worker(of: model, in: database)) }
    let measured = ends.compactMap(\.measured).filter { $0.count > 0 }
    guard let first = measured.compactMap(\.first).min(),
      let last = measured.compactMap(\.last).max()
    else { throw BenchError("no worker applied anything") }
    return Sample(
      measured: Measured(count: events, seconds: last - first), peak: ends.map(\.peak).max() ?? 0)
  }

  /// What a worker is called among the peaks of memory.
  func worker(of model: String, in database: String) -> String {
    "Swift worker of \(model)\(database.isURL ? " in PostgreSQL" : "")"
  }

  /// How many events a read model has applied.
  func position(of database: String) -> Int {
    guard let connection = try? SQLiteConnection(path: database, mode: .readOnly),
      let sum = try? connection.integer("SELECT sum(position) FROM checkpoints")
    else { return 0 }
    return Int(sum)
  }

  func wait(
    for events: Int, in database: String, of model: String = "sales", within limit: Double
  ) throws {
    if database.isURL {
      let sum = "SELECT sum(position)::bigint FROM rm_\(model)_g1.checkpoints"
      _ = try c(["pg-wait", database, sum, "\(events)", "\(Int(limit))"])
      return
    }
    let deadline = monotonic() + limit
    while position(of: database) < events {
      guard monotonic() < deadline else {
        throw BenchError("\(position(of: database)) of \(events) events applied in \(limit) s")
      }
      usleep(5_000)
    }
  }

  func replay(_ store: String) throws {
    let section = "Replay (store → read model, from zero, one process)"
    let reference = Reference(name: "C, an upsert an event, not decoded") { _ in
      try self.c(["replay", store, self.fresh("c-replay.db")])
    }
    for model in isQuick ? ["sales"] : ["sales", "orders", "customers"] {
      for workers in isQuick ? [1] : [1, 2] {
        try compare(
          section, "\(model), \(workers) worker\(workers == 1 ? "" : "s")",
          goal: .rate(250_000), with: reference, repetitions: min(repetitions, 2)
        ) { _ in
          try swift(["replay", store, model, fresh("replay.db"), "--workers", "\(workers)"])
        }
      }
    }
  }

  func inMemory() throws {
    let section = "In memory (1,000 streams)"
    let events = isQuick ? "50000" : "300000"
    for (work, name) in [
      ("append", "append"), ("stream", "read the log"), ("load", "load all aggregates"),
      ("project", "project the log"),
    ] {
      try compare(
        section, name,
        with: Reference(name: "by hand, a dictionary of arrays") { _ in
          try self.swift(["in-memory", work, "hand", events])
        }
      ) { _ in try swift(["in-memory", work, "library", events]) }
    }
  }
}
