import Logging
import Testing

@testable import Eventually
@testable import EventuallyServer

@Suite(.timeLimit(.minutes(5))) struct WorkerReporterTests {
  /// Keeps reports, and fails as often as it is told.
  private final class KeptReports: WorkerReports {
    struct State {
      var failures = 0
      var reports: [WorkerReport] = []
      var applied: [AppliedRun] = []
      var withdrawn: [String] = []
    }
    let state: Locked<State>

    init(failures: Int) { state = Locked(State(failures: failures)) }

    func report(
      _ report: WorkerReport, of worker: String, applied: [AppliedRun]
    ) async throws(ReadModelError) {
      let isFailing = state.withLock { state in
        state.failures -= 1
        if state.failures >= 0 { return true }
        state.reports.append(report)
        state.applied += applied
        return false
      }
      if isFailing { throw .notBuilt(location: "here") }
    }

    func note(
      retriesOf events: [UInt64], by name: String, at time: Timestamp, to generation: Int
    ) async throws(ReadModelError) {}

    func withdraw(_ worker: String, from generation: Int) async throws(ReadModelError) {
      state.withLock { $0.withdrawn.append(worker) }
    }

    func workers() async throws(ReadModelError) -> [ReportedWorker] { [] }
    func run(
      containing position: EventPosition, of generation: Int
    ) async throws(ReadModelError) -> AppliedRun? { nil }
    func hasRetries(
      before sequenceNumber: UInt64, of generation: Int
    ) async throws(ReadModelError) -> Bool { false }
  }

  private func figures(_ count: UInt64) -> ProjectorFigures {
    var figures = ProjectorFigures()
    let time = Timestamp(microseconds: 1)
    figures.applied.add(
      AppliedRun(
        partition: 0, epoch: 1, positions: count...count, times: time...time))
    return figures
  }

  @Test func aWorkerReportsUntilItEnds() async throws {
    let reports = KeptReports(failures: 1)
    let asked = Locked<UInt64>(0)
    let reporter = WorkerReporter(
      reports: reports, worker: "w", schemaVersion: 4, generation: { 7 },
      state: { ([1, 3], ["why"]) },
      status: {
        var status = ReadModelProjectorStatus()
        (status.applied, status.transactions) = asked.withLock { count in
          count += 1
          return (count * 60, count * 3)
        }
        return status
      }, figures: { [self] in figures(asked.withLock { $0 }) },
      logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    let running = Task { await reporter.run() }
    let deadline = ContinuousClock.now + .seconds(60)
    while reports.state.withLock({ $0.reports.count }) < 2, ContinuousClock.now < deadline {
      try await Task.sleep(for: .milliseconds(10))
    }
    running.cancel()
    await running.value
    let kept = reports.state.withLock { $0 }
    let report = try #require(kept.reports.last)
    #expect(kept.reports.count >= 2)
    #expect((report.generation, report.schemaVersion) == (7, 4))
    #expect((report.partitions, report.reasons) == ([1, 3], ["why"]))
    #expect(report.batch == 20 && report.rate > 0 && report.process > 0 && !report.host.isEmpty)
    // What could not be told the first time is lost, what is told is told once.
    #expect(kept.applied.map(\.positions.lowerBound) == Array(2..<UInt64(kept.applied.count) + 2))
    #expect(kept.withdrawn == ["w"])
  }

  /// Around a switch it is not known in which generation something was applied.
  @Test func whatWasAppliedAroundASwitchIsNotTold() async throws {
    let reports = KeptReports(failures: 0)
    let generation = Locked(0)
    let reporter = WorkerReporter(
      reports: reports, worker: "w", schemaVersion: 1,
      generation: {
        generation.withLock { number in
          number += 1
          return number
        }
      }, state: { ([], []) }, status: { ReadModelProjectorStatus() },
      figures: { [self] in figures(1) },
      logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    let running = Task { await reporter.run() }
    let deadline = ContinuousClock.now + .seconds(60)
    while reports.state.withLock({ $0.reports.count }) < 2, ContinuousClock.now < deadline {
      try await Task.sleep(for: .milliseconds(10))
    }
    running.cancel()
    await running.value
    #expect(reports.state.withLock { $0.applied.isEmpty })
  }
}
