import Foundation

/// Runs measurements, each in a process of its own, and collects rows.
final class Runner {
  /// Fewer events, one run each.
  let isQuick: Bool
  let repetitions: Int
  /// Everything that is measured with lies here.
  let folder: URL
  /// The programs of the pipeline, for what is measured with them; `nil` where they are not built.
  let products: URL?
  /// The Kafka to measure with; `nil` for development brokers.
  let existing: String?
  /// The program that starts a PostgreSQL server; `nil` where none is installed.
  let postgresServer: String?
  let bench: String
  private let reference: String
  private(set) var report: Report
  /// The largest peak of memory by program.
  private(set) var peaks: [String: Int] = [:]

  init(
    isQuick: Bool, repetitions: Int, folder: URL, products: URL?, existing: String?,
    postgresServer: String?
  ) throws {
    self.existing = existing
    self.postgresServer = postgresServer
    self.isQuick = isQuick
    self.repetitions = repetitions
    self.folder = folder
    self.products = products
    bench = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath().path
    reference = URL(filePath: bench).deletingLastPathComponent().appending(path: "reference").path
    report = Report(machine: Machine.description(repetitions: repetitions, existing: existing))
  }

  // MARK: - Processes

  func file(_ name: String) -> String { folder.appending(path: name).path }

  /// A path at which there is nothing.
  func fresh(_ name: String) -> String {
    for suffix in ["", "-wal", "-shm", "-crash", "-lock", ".lock"] {
      try? FileManager.default.removeItem(atPath: file(name) + suffix)
    }
    return file(name)
  }

  func start(_ arguments: [String]) throws -> ChildProcess { try ChildProcess(bench, arguments) }

  /// Runs one of this program's measurements.
  func swift(_ arguments: [String]) throws -> Sample {
    try sample(ChildProcess(bench, arguments), "Swift \(arguments[0])")
  }

  /// Runs one of the C programs.
  func c(_ arguments: [String]) throws -> Sample {
    try sample(ChildProcess(reference, arguments), "C \(arguments[0])")
  }

  private func sample(_ process: ChildProcess, _ name: String) throws -> Sample {
    let (measured, peak) = try process.wait()
    guard let measured else { throw BenchError("\(process.name) measured nothing") }
    note(peak: peak, of: name)
    return Sample(measured: measured, peak: peak)
  }

  func note(peak: Int, of name: String) {
    peaks[name] = max(peaks[name] ?? 0, peak)
  }

  // MARK: - Rows

  /// One run of a measurement.
  struct Sample {
    var measured: Measured
    var peak = 0
    var rate: Double { Double(measured.count) / measured.seconds }
  }

  /// What a measurement is compared with.
  struct Reference {
    var name = "C"
    var run: (Int) throws -> Sample
  }

  /// What a row's ratio, or its own figure, should be.
  struct Goal {
    var text: String
    var isReached: (Row) -> Bool

    static func ratio(_ least: Double) -> Goal {
      Goal(text: "ratio ≥ \(least)") { $0.ratio.map { $0.median >= least } ?? false }
    }

    static func rate(_ least: Double) -> Goal {
      Goal(text: "≥ \(Unit.rate.text(least))/s") { $0.subject.median >= least }
    }
  }

  /// Runs a measurement and its reference in turns, and adds a row.
  @discardableResult
  func compare(
    _ section: String, _ name: String, goal: Goal? = nil, with reference: Reference? = nil,
    repetitions: Int? = nil, _ run: (Int) throws -> Sample
  ) throws -> Row {
    progress("\(section): \(name)")
    var subjects: [Sample] = []
    var references: [Sample] = []
    for round in 0..<(repetitions ?? self.repetitions) {
      // Whoever comes first finds other things in the machine's caches than who comes second.
      if round % 2 == 0 { subjects.append(try run(round)) }
      if let reference { references.append(try reference.run(round)) }
      if round % 2 == 1 { subjects.append(try run(round)) }
    }
    return try add(
      section, name, subjects, with: references, named: reference?.name, goal: goal)
  }

  /// Adds a row of rates from runs that were made already.
  @discardableResult
  func add(
    _ section: String, _ name: String, _ subjects: [Sample], with references: [Sample] = [],
    named referenceName: String? = nil, goal: Goal? = nil
  ) throws -> Row {
    guard let figures = Figures(subjects.map(\.rate)) else { throw BenchError("no runs") }
    var row = Row(section: section, name: name, unit: .rate, subject: figures)
    row.referenceName = referenceName
    row.reference = Figures(references.map(\.rate))
    row.ratio = Figures(zip(subjects, references).map { $0.rate / $1.rate })
    row.quantiles = Self.quantiles(subjects)
    row.peak = subjects.map(\.peak).max()
    row.goal = goal?.text
    row.isReached = goal?.isReached(row)
    add(row)
    return row
  }

  static func quantiles(_ samples: [Sample]) -> [Double]? {
    let quantiles = [\Measured.p50, \.p99, \.p999].compactMap { path in
      Figures(samples.compactMap { $0.measured[keyPath: path] })?.median
    }
    return quantiles.count == 3 ? quantiles : nil
  }

  func add(_ row: Row) {
    report.rows.append(row)
    let ratio = row.ratio.map { String(format: ", ratio %.2f", $0.median) } ?? ""
    progress("  \(row.unit.text(row.subject.median))\(ratio)")
  }

  func missing(_ what: String) {
    report.missing.append(what)
    progress("not measured: \(what)")
  }

  private let begun = monotonic()

  func progress(_ text: String) {
    let line = String(format: "%5.0f s  %@\n", monotonic() - begun, text)
    FileHandle.standardError.write(Data(line.utf8))
  }
}

/// What the figures were measured on.
enum Machine {
  static func description(repetitions: Int, existing: String?) -> [String] {
    let processor =
      (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8))?
      .split(separator: "\n").first { $0.hasPrefix("model name") }?
      .split(separator: ":").last.map { $0.trimmingCharacters(in: .whitespaces) } ?? "unknown"
    let info = ProcessInfo.processInfo
    return [
      "\(info.activeProcessorCount) processors (\(processor)), "
        + "\(info.physicalMemory >> 30) GiB, \(info.operatingSystemVersionString)",
      "\(repetitions) runs of each, two of those that take long, subject and reference in turns; a ratio is the median of the ratios of neighbouring runs",
      existing.map { "the broker is the Kafka at \($0)" }
        ?? "the broker is librdkafka's mock cluster in a process of its own on the same machine",
    ]
  }
}
