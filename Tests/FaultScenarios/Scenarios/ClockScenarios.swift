import Eventually
import Foundation

extension Scenario {
  static let clockScenarios = [
    Scenario(
      "clock-steps-back", "the clock of the writer and of a worker steps back by an hour",
      play: stepsBack)
  ]

  private static func stepsBack(_ stage: Stage) async throws {
    let clock = try Clock(file: stage.pipeline.file("clock"))
    try clock.set(0)
    try await stage.pipeline.startBroker()
    try await stage.startWriter(environment: clock.environment)
    let worker = try await stage.pipeline.harness.startWorker(
      stage.first, named: "first-1", environment: clock.environment)
    let load = try stage.startLoad(entities: 150)
    try await stage.begun(load, 50)
    try clock.set(-3600)
    stage.tally.add(.clockSteps)
    try await stage.begun(load, 100)
    try clock.set(-1800)
    try await stage.loadEnds()
    try await stage.verify([.first])
    guard try await worker.get("/readyz").status == 200,
      try await worker.get("/healthz").status == 200
    else { throw NotAsExpected(worker.log) }
    guard try await worker.stop() == 0 else { throw NotAsExpected(worker.log) }
    try await stage.checkAll([.first])
    // Events bear what the clock said.
    let times = try await stage.log().records(after: 0, limit: 10_000).map(\.time.microseconds)
    guard zip(times, times.dropFirst()).contains(where: { $0 - $1 > 3_000_000_000 }) else {
      throw NotAsExpected("the clock of the writer did not step back: nothing was tried")
    }
  }
}

/// A clock that processes are made to see instead of the machine's.
private struct Clock {
  private static let library = "\(buildFolder)/libclockshift.so"
  let file: String

  init(file: String) throws {
    guard FileManager.default.fileExists(atPath: Self.library) else {
      throw NotAsExpected("there is no \(Self.library): build the whole package")
    }
    self.file = file
  }

  /// Moves the clock by so many seconds from the machine's. Processes have the file mapped, so it stays the same file.
  func set(_ seconds: Int64) throws {
    if !FileManager.default.fileExists(atPath: file) { try Data().write(to: URL(filePath: file)) }
    let handle = try FileHandle(forWritingTo: URL(filePath: file))
    try handle.write(contentsOf: withUnsafeBytes(of: seconds) { Data($0) })
    try handle.close()
  }

  var environment: [String: String] {
    ["LD_PRELOAD": Self.library, "CLOCKSHIFT_FILE": file]
  }
}
