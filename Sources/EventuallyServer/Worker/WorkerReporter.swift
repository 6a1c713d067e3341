import Eventually
import Logging

/// Reports a worker to its read model's database, for the consoles of all processes.
struct WorkerReporter: Sendable {
  /// How often a worker reports.
  static let interval = Duration.milliseconds(500)
  /// Rates and durations are told of so many intervals.
  private static let window = 10

  let reports: any WorkerReports
  let worker: String
  let schemaVersion: Int
  let generation: @Sendable () -> Int
  /// The partitions that the worker has, and what keeps them from going on.
  let state: @Sendable () -> (partitions: [Partition], reasons: [String])
  let status: @Sendable () -> ReadModelProjectorStatus
  let figures: @Sendable () -> ProjectorFigures
  let logger: Logger

  /// What the worker was at some moment.
  private struct Moment {
    var time: ContinuousClock.Instant
    var status: ReadModelProjectorStatus
    var figures: ProjectorFigures
    var process: ProcessFigures
  }

  /// Reports until the task is cancelled; then takes the report back.
  func run() async {
    var moments: [Moment] = []
    var generation = generation()
    var failure: String?
    while !Task.isCancelled {
      var moment = Moment(
        time: .now, status: status(), figures: figures(), process: ProcessFigures.now())
      let applied = moment.figures.applied.take()
      moments.append(moment)
      if moments.count > Self.window { moments.removeFirst() }
      let current = self.generation()
      // What was applied around a switch may be of either generation.
      let isSame = current == generation
      generation = current
      do throws(ReadModelError) {
        try await reports.report(
          report(moments, generation), of: worker, applied: isSame ? applied : [])
        failure = nil
      } catch {
        // The same failure twice a second says nothing more.
        if failure != "\(error)" {
          logger.info("the worker can't report", metadata: ["error": "\(error)"])
        }
        failure = "\(error)"
      }
      // A cancelled pause ends the loop by its condition.
      try? await Task.sleep(for: Self.interval)
    }
    // In a task of its own, which is not cancelled. A database that does not answer is not waited for.
    let taken = Task { [reports, worker, generation] () -> (any Error)? in
      do {
        try await reports.withdraw(worker, from: generation)
        return nil
      } catch {
        return error
      }
    }
    if let failure = await taken.value(within: .seconds(1)), let error = failure {
      logger.info("the worker's report is left", metadata: ["error": "\(error)"])
    }
  }

  private func report(_ moments: [Moment], _ generation: Int) -> WorkerReport {
    var report = WorkerReport()
    let state = state()
    (report.partitions, report.reasons) = (state.partitions, state.reasons)
    (report.schemaVersion, report.generation) = (schemaVersion, generation)
    guard let first = moments.first, let last = moments.last else { return report }
    (report.host, report.process, report.started) = (
      ProcessFigures.host, ProcessFigures.number, ProcessFigures.started
    )
    report.memory = last.process.memory
    let seconds = Double((last.time - first.time).nanoseconds) / 1e9
    guard seconds > 0 else { return report }
    report.cpu = (last.process.cpuSeconds - first.process.cpuSeconds) / seconds * 100
    let events = Double(last.status.applied &- first.status.applied)
    let transactions = last.status.transactions &- first.status.transactions
    report.rate = events / seconds
    report.batch = transactions == 0 ? 0 : events / Double(transactions)
    let apply = last.figures.apply.since(first.figures.apply)
    let endToEnd = last.figures.endToEnd.since(first.figures.endToEnd)
    (report.applyP50, report.applyP99) = (apply.quantile(0.5), apply.quantile(0.99))
    (report.endToEndP50, report.endToEndP99) = (endToEnd.quantile(0.5), endToEnd.quantile(0.99))
    return report
  }
}
