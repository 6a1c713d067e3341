package import Eventually

/// What every database does with the reports of workers.
package enum WorkerReportsContract {
  /// Reports are read back with their ages, newer ones take the place of older ones, and batches are found by the places in them.
  /// - Parameters:
  ///   - generation: the live one, to which nobody has reported.
  ///   - open: the reports, as another process has them.
  package static func holds(
    of generation: Int, open: () -> any WorkerReports
  ) async throws {
    let (writer, reader) = (open(), open())
    try require(try await reader.workers().isEmpty, "nobody has reported")
    try require(
      try await reader.run(containing: 1, in: 0, of: generation) == nil, "nothing was applied")
    var report = WorkerReport()
    (report.generation, report.host, report.partitions) = (generation, "host", [0, 2])
    report.reasons = ["<b>\u{202e}\u{0}'\"", String(repeating: "\u{0}", count: 100_000)]
    (report.rate, report.applyP99) = (12.5, 0.25)
    let times = Timestamp(microseconds: 1_000)...Timestamp(microseconds: 2_500)
    let runs = [
      AppliedRun(partition: 0, epoch: 3, positions: 1...4, times: times),
      AppliedRun(partition: 0, epoch: 3, positions: 9...9, times: times),
    ]
    try await writer.report(report, of: "one", applied: runs)
    try await open().report(report, of: "two", applied: [])
    report.rate = 7
    try await writer.report(report, of: "one", applied: [])

    let workers = try await reader.workers()
    try require(workers.map(\.name) == ["one", "two"], "both have reported: \(workers)")
    let found = workers.first?.report
    try require(found?.rate == 7 && found?.host == "host", "the newest report: \(workers)")
    try require(found?.partitions == [0, 2] && found?.applyP99 == 0.25, "all of it: \(workers)")
    try require(
      found?.reasons.first == report.reasons[0] && found?.reasons.count ?? 9 < 3,
      "its reasons, cut: \(workers)")
    for worker in workers {
      try require(worker.age >= .zero && worker.age < .seconds(60), "an age: \(worker.age)")
    }
    for (position, expected) in [(1, runs[0]), (4, runs[0]), (9, runs[1])] as [(UInt64, AppliedRun)]
    {
      var expected = expected
      expected.worker = "one"
      let found = try await reader.run(containing: position, in: 0, of: generation)
      try require(found == expected, "the batch of \(position): \(String(describing: found))")
    }
    for (position, partition) in [(5, 0), (10, 0), (1, 1)] as [(UInt64, Partition)] {
      let found = try await reader.run(containing: position, in: partition, of: generation)
      try require(found == nil, "no batch of \(position): \(String(describing: found))")
    }
    // A retry comes before the batch that its event was in, whose other events stay in it.
    let retry = AppliedRun(retryOf: 2, in: 0, at: Timestamp(microseconds: 9_000))
    try await open().note([retry], by: "somebody", to: generation)
    for (position, expected) in [(1, "one"), (2, "somebody"), (3, "one")] as [(UInt64, String)] {
      let found = try await reader.run(containing: position, in: 0, of: generation)
      try require(
        found?.worker == expected && found?.isRetry == (position == 2),
        "the run of \(position): \(String(describing: found))")
    }
    let listed = try await reader.workers().map(\.name)
    try require(listed == ["one", "two"], "who retries is no worker: \(listed)")
    try await writer.withdraw("one", from: generation)
    let left = try await reader.workers().map(\.name)
    try require(left == ["two"], "one has ended: \(left)")
  }

  /// What is kept is bounded.
  package static func isBounded(of generation: Int, _ reports: any WorkerReports) async throws {
    var report = WorkerReport()
    report.generation = generation
    for number in 0..<WorkerReportLimits.workers + 100 {
      try await reports.report(report, of: "worker-\(number)", applied: [])
    }
    let workers = try await reports.workers().count
    try require(workers <= WorkerReportLimits.workers, "\(workers) workers")
    let time = Timestamp(microseconds: 1)
    let count = UInt64(WorkerReportLimits.runs + 2 * WorkerReportLimits.pruning)
    for first in stride(from: 1, through: count, by: 200) {
      let runs = (first..<first + 200).map {
        AppliedRun(partition: 0, epoch: 1, positions: $0...$0, times: time...time)
      }
      try await reports.report(report, of: "worker", applied: runs)
    }
    let oldest = count - UInt64(WorkerReportLimits.runs + WorkerReportLimits.pruning)
    let dropped = try await reports.run(containing: oldest - 200, in: 0, of: generation)
    try require(dropped == nil, "an old batch is dropped: \(String(describing: dropped))")
    let kept = try await reports.run(
      containing: count - UInt64(WorkerReportLimits.runs) + 200, in: 0, of: generation)
    try require(kept != nil, "a new batch is kept")
  }

  private static func require(_ isTrue: Bool, _ what: String) throws {
    guard isTrue else { throw ScenarioFailure(what) }
  }
}
