import EventuallySQLite
import Foundation

/// How long it takes until something is visible, and until others take over.
extension Runner {
  private static let latencies = "End to end (append → visible in the read model sales)"

  func latency() throws {
    for rate in isQuick ? [1_000] : [100, 1_000, 5_000] {
      progress("\(Self.latencies): \(rate) events/s")
      var samples: [Sample] = []
      for _ in 0..<(isQuick ? 1 : min(repetitions, 2)) {
        samples.append(
          try paced(
            rate: rate, seconds: isQuick ? 2 : 5, store: fresh("paced.db"),
            database: fresh("paced-sales.db")))
      }
      addLatency(
        Self.latencies, "\(rate) events/s, from the call of append", samples, rate, 30)
    }
    guard let products else {
      missing("from the HTTP request to visible: the pipeline's programs are not built")
      return
    }
    for rate in isQuick ? [] : [100, 1_000, 5_000] {
      progress("\(Self.latencies): \(rate) requests/s")
      var samples: [Sample] = []
      for _ in 0..<min(repetitions, 2) {
        samples.append(try requests(products, rate: rate, seconds: 5))
      }
      addLatency(
        Self.latencies, "\(rate) requests/s, from the HTTP request to the query that has it",
        samples, rate, 30)
    }
  }

  /// - Parameter limit: what the 99th percentile may be at 1,000 a second, in milliseconds.
  func addLatency(
    _ section: String, _ name: String, _ samples: [Sample], _ rate: Int, _ limit: Double
  ) {
    guard let figures = Figures(samples.compactMap(\.measured.p50)) else { return }
    var row = Row(section: section, name: name, unit: .milliseconds, subject: figures)
    row.quantiles = Self.quantiles(samples)
    row.peak = samples.map(\.peak).max()
    if rate == 1_000 {
      row.goal = "p50 ≤ 10 ms, p99 ≤ \(Int(limit)) ms"
      row.isReached = row.quantiles.map { $0[0] <= 10 && $0[1] <= limit }
    }
    if let slowest = Figures(samples.map(\.rate)), slowest.minimum < Double(rate) * 0.95 {
      row.name += String(format: " (only %.0f/s were reached)", slowest.minimum)
    }
    add(row)
  }

  /// A writer that appends at a rate, and a worker.
  func paced(rate: Int, seconds: Int, store: String, database: String) throws -> Sample {
    _ = try swift(["build", store, "20", "12"])
    return try withBroker(partitions: 12) { place in
      let worker = try start(
        ["worker", store] + place.words
          + ["sales", database, "--times", file("visible"), "--group", place.group("sales")])
      // What a worker consumes first takes it half a second: that is measured elsewhere.
      _ = try swift(["publish", store] + place.words)
      try wait(for: 20, in: database, within: 60)
      let writer = try swift(
        ["paced-writer", store] + place.words + ["\(rate)", "\(seconds)", file("begun")])
      try wait(for: 20 + rate * seconds, in: database, within: 60)
      let end = try worker.stop()
      note(peak: end.peak, of: self.worker(of: "sales", in: database))
      let visible = try TimeFile.read(file("visible"))
      let calls = try TimeFile.read(file("begun")).map { sequence, begun in
        guard let seen = visible[sequence] else {
          throw BenchError("event \(sequence) was not seen")
        }
        return seen - begun
      }
      return Sample(
        measured: Measured(count: rate * seconds, seconds: writer.measured.seconds, calls: calls),
        peak: max(end.peak, writer.peak))
    }
  }

  func waitForLeases(_ count: Int, in database: String) throws {
    let deadline = monotonic() + 60
    while monotonic() < deadline {
      if let connection = try? SQLiteConnection(path: database, mode: .readOnly),
        let leases = try? connection.integer("SELECT count(*) FROM checkpoints"), leases >= count
      {
        return
      }
      usleep(10_000)
    }
    throw BenchError("no worker has taken \(count) partitions of \(database)")
  }

  /// The real programs, and clients over HTTP.
  private func requests(_ products: URL, rate: Int, seconds: Int) throws -> Sample {
    let store = fresh("http.db")
    let models = folder.appending(path: "http-models")
    try? FileManager.default.removeItem(at: models)
    return try withBroker(partitions: 12) { place in
      func program(_ name: String, _ arguments: [String]) throws -> (ChildProcess, UInt16) {
        let address = fresh("\(name).url")
        let process = try ChildProcess(
          products.appending(path: name).path,
          arguments + [
            "--listen", "127.0.0.1:0", "--address-file", address, "--log-level", "error",
          ])
        let deadline = monotonic() + 30
        while monotonic() < deadline {
          if let text = try? String(contentsOfFile: address, encoding: .utf8),
            let port = text.split(separator: ":").last.flatMap({ UInt16($0.filter(\.isNumber)) })
          {
            return (process, port)
          }
          usleep(20_000)
        }
        try process.stop(SIGKILL)
        throw BenchError("\(name) does not serve")
      }
      let (writer, writerPort) = try program(
        "writer", ["serve", "--store", store, "--brokers", place.brokers, "--topic", place.topic])
      let (worker, _) = try program(
        "projector",
        [
          "run", "sales", "--read-models", models.path, "--feed", "http://127.0.0.1:\(writerPort)",
          "--brokers", place.brokers, "--topic", place.topic,
        ])
      try waitForLeases(12, in: models.appending(path: "sales/live-v2.sqlite").path)
      let (queries, queriesPort) = try program(
        "projector", ["serve", "--read-models", models.path])
      let sample = Result {
        try swift(["paced-orders", "\(writerPort)", "\(queriesPort)", "\(rate)", "\(seconds)"])
      }
      var peak = 0
      for (process, name) in [
        (writer, "writer"), (worker, "projector run"), (queries, "projector serve"),
      ] {
        let end = try process.stop()
        note(peak: end.peak, of: name)
        peak = max(peak, end.peak)
      }
      var result = try sample.get()
      result.peak = peak
      return result
    }
  }

  func takeOver() throws {
    let section =
      existing == nil
      ? "Start and take-over (the mock cluster's groups: 3 s to join, a session of 6 s)"
      : "Start and take-over (a session of 6 s)"
    var starts: [Double] = []
    var takeOvers: [Double] = []
    for round in 0..<min(repetitions, 2) {
      progress("\(section): round \(round + 1)")
      let store = fresh("hand.db")
      let database = fresh("hand-sales.db")
      _ = try swift(["build", store, "2000", "12"])
      try withBroker(partitions: 12) { place in
        _ = try swift(["publish", store] + place.words)
        func worker() throws -> ChildProcess {
          try start(
            ["worker", store] + place.words
              + ["sales", database, "--group", place.group("sales")])
        }
        let begun = monotonic()
        let first = try worker()
        try wait(for: 1, in: database, within: 60)
        starts.append(monotonic() - begun)
        let second = try worker()
        try wait(for: 2000, in: database, within: 60)
        try waitForOwners(2, in: database)
        let killed = monotonic()
        try first.stop(SIGKILL)
        _ = try swift(["build", store, "4000", "12"])
        _ = try swift(["publish", store] + place.words)
        try wait(for: 6000, in: database, within: 120)
        takeOvers.append(monotonic() - killed)
        try second.stop()
      }
    }
    for (name, times, goal) in [
      ("start of a worker to its first event", starts, nil),
      ("SIGKILL of one of two workers to the other having caught up", takeOvers, 8.0),
    ] {
      guard let figures = Figures(times) else { continue }
      var row = Row(section: section, name: name, unit: .seconds, subject: figures)
      row.goal = goal.map { "≤ \(Int($0)) s (session + 2 s)" }
      row.isReached = goal.map { figures.median <= $0 }
      add(row)
    }
  }

  private func waitForOwners(_ count: Int, in database: String) throws {
    let deadline = monotonic() + 60
    while monotonic() < deadline {
      let connection = try SQLiteConnection(path: database, mode: .readOnly)
      if try connection.integer("SELECT count(DISTINCT owner) FROM checkpoints") == Int64(count) {
        return
      }
      usleep(10_000)
    }
    throw BenchError("the partitions are not shared by \(count) workers")
  }
}
