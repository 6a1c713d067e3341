import Foundation

/// What a worker tells of itself, for whoever looks at the read model.
package struct WorkerReport: Sendable, Hashable, Codable {
  /// The host that it runs on.
  package var host = ""
  /// The number of its process.
  package var process: Int32 = 0
  /// When it was begun.
  package var started = Timestamp.now()
  /// Memory that its process has, in bytes.
  package var memory: UInt64 = 0
  /// How busy its process is, in percent of a core.
  package var cpu = 0.0
  /// The version of the read model's tables.
  package var schemaVersion = 0
  /// The number of the generation that it works on.
  package var generation = 0
  /// The partitions that it has; of many, the first.
  package var partitions: [Partition] = []
  /// Events that it applies in a second.
  package var rate = 0.0
  /// Events in one of its transactions, on average.
  package var batch = 0.0
  /// How long a transaction takes, and how long it is from an event's append until it is applied, in seconds: the median, and what 99 of
  /// 100 do not exceed. `nil` where nothing was applied lately.
  package var applyP50, applyP99, endToEndP50, endToEndP99: Double?
  /// What keeps its partitions from going on, in words; of many, the first.
  package var reasons: [String] = []

  /// A report to be filled in.
  package init() {}

  /// An encoded report has at most so many bytes.
  package static var limit: Int { 4_096 }

  /// The report as JSON, without what is more than ``limit``.
  package func json() throws -> String {
    var report = self
    report.host = String(host.prefix(64))
    report.partitions = Array(partitions.prefix(256))
    report.reasons = reasons.prefix(8).map { String($0.prefix(400)) }
    while true {
      let json = try JSONEncoder().encode(report)
      if json.count <= Self.limit || report.reasons.isEmpty {
        return String(decoding: json, as: UTF8.self)
      }
      report.reasons.removeLast()
    }
  }

  /// What ``json()`` was written from; `nil` where it is another program's, that tells something else.
  package init?(json: String) {
    guard let report = try? JSONDecoder().decode(Self.self, from: Data(json.utf8)) else {
      return nil
    }
    self = report
  }
}

/// A worker that has reported.
package struct ReportedWorker: Sendable, Hashable {
  /// The worker's name.
  package var name: String
  /// How long ago it reported last, by the clock of the database.
  package var age: Duration
  /// What it told; `nil` where this program can't read it.
  package var report: WorkerReport?

  /// A worker from its parts.
  package init(name: String, age: Duration, report: WorkerReport?) {
    self.name = name
    self.age = age
    self.report = report
  }
}

/// Where the workers of a read model tell of themselves, beside its rows and checkpoints: nothing here is copied with a generation, compared,
/// or kept when the machine loses power.
package protocol WorkerReports: Sendable {
  /// Notes what a worker tells of itself, and what it has applied to a generation since it told last.
  func report(
    _ report: WorkerReport, of worker: String, applied: [AppliedRun]
  ) async throws(ReadModelError)

  /// Notes that somebody who is no worker retries parked events of a generation, in place of earlier retries of the same events. What is known
  /// of the batches that they were in stays.
  /// - Parameter events: their sequence numbers, each once.
  func note(
    retriesOf events: [UInt64], by name: String, at time: Timestamp, to generation: Int
  ) async throws(ReadModelError)

  /// Takes off a worker that ends.
  func withdraw(_ worker: String, from generation: Int) async throws(ReadModelError)

  /// The workers that have reported within the last ten minutes, by name; at most ``WorkerReportLimits/workers``.
  func workers() async throws(ReadModelError) -> [ReportedWorker]

  /// The last retry of an event, or else the batches in which it was applied to a generation; `nil` where that is not known, or not any more.
  func run(
    containing position: EventPosition, of generation: Int
  ) async throws(ReadModelError) -> AppliedRun?

  /// Whether an event of the store before a sequence number is known to have been retried in a generation: it may have been applied after others
  /// that come after it.
  func hasRetries(
    before sequenceNumber: UInt64, of generation: Int
  ) async throws(ReadModelError) -> Bool
}

/// How much is kept of reports.
package enum WorkerReportLimits {
  /// So many workers, those that have reported last.
  package static let workers = 256
  /// What was reported longer ago is dropped.
  package static let age = Duration.seconds(600)
  /// So many runs of each partition, the newest; and up to as many as ``pruning`` more from each process that reports.
  package static let runs = 10_000
  /// After so many runs of a partition the oldest ones are dropped.
  package static let pruning = 1_000
  /// Retries of so many events, the newest, and of the very first.
  package static let retries = 10_000
}

/// A read model's catalog whose database takes reports.
package protocol ReportingCatalog: ReadModelCatalog {
  /// Where workers report to.
  func makeReports() -> any WorkerReports
}

extension ReadModelCatalog {
  /// Where workers report to; `nil` where the database takes no reports.
  package var reports: (any WorkerReports)? {
    (self as? any ReportingCatalog)?.makeReports()
  }
}
