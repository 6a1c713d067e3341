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
      try await reader.run(containing: place(1), of: generation) == nil, "nothing was applied")
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
      let found = try await reader.run(containing: place(position), of: generation)
      try require(found == expected, "the batch of \(position): \(String(describing: found))")
    }
    for (position, partition) in [(5, 0), (10, 0), (1, 1)] as [(UInt64, Partition)] {
      let found = try await reader.run(containing: place(position, partition), of: generation)
      try require(found == nil, "no batch of \(position): \(String(describing: found))")
    }
    // A retry comes before the batch that its event was in, whose other events stay in it, also where it ended with that event.
    for (time, retried) in [(8_000, [2]), (9_000, [2, 4])] as [(Int64, [UInt64])] {
      try await open().note(
        retriesOf: retried.map { place($0).sequenceNumber }, by: "somebody",
        at: Timestamp(microseconds: time), to: generation)
    }
    for position in 1...4 as ClosedRange<UInt64> {
      let found = try await reader.run(containing: place(position), of: generation)
      var expected = AppliedRun(
        retryOf: place(position), at: Timestamp(microseconds: 9_000), by: "somebody")
      if position % 2 == 1 { (expected, expected.worker) = (runs[0], "one") }
      try require(found == expected, "the run of \(position): \(String(describing: found))")
      let isAfter = try await reader.hasRetries(
        before: place(position).sequenceNumber, of: generation)
      try require(isAfter == (position > 2), "a retry is before \(position): \(isAfter)")
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
    let dropped = try await reports.run(containing: place(oldest - 200), of: generation)
    try require(dropped == nil, "an old batch is dropped: \(String(describing: dropped))")
    let kept = try await reports.run(
      containing: place(count - UInt64(WorkerReportLimits.runs) + 200), of: generation)
    try require(kept != nil, "a new batch is kept")
    let retried =
      place(1).sequenceNumber...place(UInt64(WorkerReportLimits.retries) + 2).sequenceNumber
    try await reports.note(
      retriesOf: Array(retried), by: "somebody", at: time, to: generation)
    for (position, isKept) in [(2, false), (3, true)] as [(UInt64, Bool)] {
      let run = try await reports.run(containing: place(position), of: generation)
      try require(run?.isRetry ?? false == isKept, "the retry of \(position) is kept: \(!isKept)")
    }
    let isFirstKept = try await reports.hasRetries(
      before: place(2).sequenceNumber, of: generation)
    try require(isFirstKept, "the first one's retry is kept")
  }

  /// Reports whose tables are of an earlier version, which knew no retries.
  /// - Parameter dropRetries: drops the table of retries.
  package static func goesOnWithoutRetries(
    of generation: Int, open: () -> any WorkerReports, dropRetries: () async throws -> Void
  ) async throws {
    var report = WorkerReport()
    report.generation = generation
    let time = Timestamp(microseconds: 1)
    let run = AppliedRun(partition: 0, epoch: 1, positions: 1...3, times: time...time)
    try await open().report(report, of: "one", applied: [run])
    try await dropRetries()
    try await open().report(report, of: "two", applied: [])
    try await dropRetries()
    let isRetried = try await open().hasRetries(before: .max, of: generation)
    try require(!isRetried, "nothing was retried")
    let found = try await open().run(containing: place(2), of: generation)
    try require(found?.worker == "one", "the batch is found: \(String(describing: found))")
    try await open().note(
      retriesOf: [place(2).sequenceNumber], by: "somebody", at: time, to: generation)
    let retry = try await open().run(containing: place(2), of: generation)
    try require(retry?.isRetry == true, "the retry is found: \(String(describing: retry))")
  }

  private static func place(_ offset: UInt64, _ partition: Partition = 0) -> EventPosition {
    EventPosition(
      partition: partition, partitionOffset: offset,
      sequenceNumber: 1_000 * UInt64(partition) + offset + 50,
      version: 1)
  }

  private static func require(_ isTrue: Bool, _ what: String) throws {
    guard isTrue else { throw ScenarioFailure(what) }
  }
}
