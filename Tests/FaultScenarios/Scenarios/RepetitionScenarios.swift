import Eventually

extension Scenario {
  static let repetitionScenarios = [
    Scenario(
      "commands-repeated",
      "SIGKILL of the writer at each of its fault points in turn, and clients that repeat what is not answered",
      requires: [.failingRequests], needs: [.orders, .removal]
    ) { stage in
      // What is about emptying SQLite's log is never passed on PostgreSQL.
      let isFile = stage.pipeline.database == nil
      let reached = points.filter { isFile || !["store.erasing", "store.erased"].contains($0) }
      try await repeatCommands(stage, at: reached)
    }
  ]

  /// The same with requests without keys, whose repetitions have a second effect: it must fail. Several times, since to create an order
  /// again has none.
  package static let repetitionsWithoutKeys = Scenario(
    "commands-repeated-without-keys", "the same without keys, which must be found out",
    needs: [.orders]
  ) {
    try await repeatCommands($0, at: Array(repeating: "store.committed", count: 4), usesKeys: false)
  }

  /// Where a writer may kill itself while it runs.
  private static let points = [
    "store.committed", "store.removed", "store.erasing", "store.erased", "relay.produced",
    "relay.acknowledged", "relay.refused",
  ]

  private static func repeatCommands(
    _ stage: Stage, at points: [String], usesKeys: Bool = true
  ) async throws {
    try await stage.pipeline.startBroker()
    try await stage.startWriter(faults: fault(at: points[0], &stage.random))
    try await stage.startWorker(.first, "first-1")
    let clients = RepeatingClients(try stage.writer, seed: stage.seed, usesKeys: usesKeys)
    let running = Task { await clients.run() }
    defer { running.cancel() }
    for (index, point) in points.enumerated() {
      // An erasure that is pending may kill it before it serves.
      if index > 0 { try await stage.startWriterThatDies(faults: fault(at: point, &stage.random)) }
      // MSG_SIZE_TOO_LARGE is not tried again.
      if point == "relay.refused" {
        try await stage.disturb(.fail(.produce, code: 10, count: 1))
      }
      try await stage.writerDies()
    }
    // While what is unanswered is sent again.
    try await stage.startWriterThatDies(faults: "relay.recovering=kill")
    try await stage.writerDies()
    try await stage.startWriter()
    clients.stop()
    await running.value
    try await clients.check()
    // A writer that dies right behind a commit answers nobody whose events are in that.
    guard clients.replays > 0 else {
      throw NotAsExpected(
        "none of \(clients.requests) requests had had its effect when it was repeated")
    }
    stage.tally.add(.requestsReplayed, clients.replays)
    try await stage.checkAll([.first])
  }

  private static func fault(at point: String, _ random: inout SeededRandom) -> String {
    switch point {
    case "store.removed", "store.erasing", "store.erased":
      "\(point)=kill@\(Int.random(in: 1...3, using: &random))"
    case "relay.refused": "\(point)=kill"
    default: "\(point)=kill@\(Int.random(in: 10...60, using: &random))"
    }
  }
}
