import Eventually
import Foundation

extension Scenario {
  static let workerScenarios = [
    killedWorker(
      "worker-killed-before-commit", "SIGKILL of a worker with a batch applied and not committed",
      at: "readmodel.applied"),
    killedWorker(
      "worker-killed-after-commit",
      "SIGKILL of a worker with a batch committed and its offsets not",
      at: "readmodel.committed"),
    Scenario(
      "worker-killed-in-rebalance",
      "SIGKILL of a worker that has taken leases, and of one that is to give partitions back",
      play: killedInHandOver),
    Scenario(
      "workers-killed-at-random", "SIGKILL of workers under load, again and again",
      play: killedAtRandomly),
    Scenario(
      "zombie", "SIGSTOP of a worker until others have its partitions, then SIGCONT", play: zombie),
    Scenario(
      "rebalance-storm", "workers added, stopped and killed, again and again", play: storm),
    Scenario(
      "worker-hangs", "a worker's loop hangs: its health says so, and its partitions go to others",
      play: hang),
  ]

  private static func killedWorker(
    _ name: String, _ summary: String, at point: String
  ) -> Scenario {
    Scenario(name, summary) { stage in
      try await stage.pipeline.startBroker()
      try await stage.startWriter()
      let passage = Int.random(in: 2...12, using: &stage.random)
      let first = try await stage.startWorker(.first, "first-1", faults: "\(point)=kill@\(passage)")
      try await stage.startWorker(.first, "first-2")
      try await stage.startWorker(.second, "second-1", faults: "\(point)=kill@\(passage)")
      try await stage.becomesReady(first)
      try stage.startLoad(entities: 200)
      try await stage.workerDies("first-1")
      try await stage.workerDies("second-1")
      try await stage.startWorker(.first, "first-1")
      try await stage.startWorker(.second, "second-1")
      try await stage.checkAll([.first, .second])
    }
  }

  private static func killedInHandOver(_ stage: Stage) async throws {
    try await stage.pipeline.startBroker()
    try await stage.startWriter()
    try await stage.startWorker(.first, "first-1", faults: "subscription.claimed=kill")
    try stage.startLoad(entities: 60)
    try await stage.workerDies("first-1")
    let second = try await stage.startWorker(.first, "first-2", faults: "subscription.revoked=kill")
    try await stage.becomesReady(second)
    // It has all partitions, and dies in the middle of the work, when it is to give some of them to the next.
    try stage.startLoad(entities: 400, rate: 60)
    try await stage.startWorker(.first, "first-3")
    try await stage.workerDies("first-2")
    try await stage.checkAll([.first])
  }

  private static func killedAtRandomly(_ stage: Stage) async throws {
    try await stage.pipeline.startBroker()
    try await stage.startWriter()
    for name in ["first-1", "first-2"] { try await stage.startWorker(.first, name) }
    let other = try await stage.startWorker(.third, "third-1")
    try await stage.becomesReady(other)
    try stage.startLoad(entities: 250)
    for name in ["first-1", "third-1", "first-2"] {
      try await stage.pause(300...1500)
      stage.killWorker(name)
      try await stage.startWorker(name.hasPrefix("first") ? .first : .third, name)
    }
    try await stage.checkAll([.first, .third])
  }

  /// It stops with a batch in its hands, and wakes up when others have applied that batch and more.
  private static func zombie(_ stage: Stage) async throws {
    try await stage.pipeline.startBroker()
    try await stage.startWriter()
    let passage = Int.random(in: 2...8, using: &stage.random)
    let zombie = try await stage.startWorker(
      .first, "first-1", faults: "readmodel.applying=stop@\(passage)")
    let other = try await stage.startWorker(.first, "first-2")
    try await stage.becomesReady(zombie)
    try await stage.becomesReady(other)
    try stage.startLoad(entities: 250)
    try await waitUntil("the worker stops", seen: { zombie.process.log }) {
      zombie.process.isFrozen
    }
    let said = stage.observer.answer(zombie.process.processID).partitions
    let head = await stage.pipeline.head()
    try await waitUntil(
      "the other worker has all partitions, and is further",
      seen: { stage.observer.answer(other.process.processID).body }
    ) {
      let answer = stage.observer.answer(other.process.processID)
      return answer.partitions.count == 4
        && answer.partitions.values.reduce(0, +) >= head
        && said.allSatisfy { answer.partitions[$0.key] ?? 0 > $0.value }
    }
    zombie.process.send(SIGCONT)
    stage.tally.add(.workersStopped)
    try await stage.counts(zombie, .zombiesFenced)
    try await stage.checkAll([.first])
  }

  private static func storm(_ stage: Stage) async throws {
    try await stage.pipeline.startBroker()
    try await stage.startWriter()
    var last = try await stage.startWorker(.first, "first-0")
    try await stage.becomesReady(last)
    let load = try stage.startLoad(entities: 2000, rate: 50)
    var round = 0
    // As long as events come, and at least three times.
    while load.begun < 800 || round < 3 {
      round += 1
      last = try await stage.startWorker(.first, "first-\(round)")
      // Each time something is changed when the change before has come through, or just before that.
      if Bool.random(using: &stage.random) { try await stage.becomesReady(last) }
      try await stage.pause(0...3000)
      let victim = stage.workers.keys.sorted().randomElement(using: &stage.random) ?? ""
      if Bool.random(using: &stage.random) {
        stage.killWorker(victim)
      } else {
        try await stage.stopWorker(victim)
      }
    }
    load.stop()
    try await stage.checkAll([.first])
  }

  private static func hang(_ stage: Stage) async throws {
    try await stage.pipeline.startBroker()
    try await stage.startWriter()
    let process = try await stage.pipeline.harness.startWorker(
      stage.first, named: "first-1", faults: "readmodel.applying=hang@2",
      arguments: ["--stall-limit", "2", "--kafka", "max.poll.interval.ms=6000"])
    try await waitUntil("the worker is ready", seen: { process.log }) {
      try await process.get("/readyz").status == 200
    }
    try stage.startLoad(entities: 100)
    var body = ""
    try await waitUntil("the worker's health fails", seen: { body }) {
      let answer = try await process.get("/healthz")
      body = answer.body
      return answer.status == 503 && body.contains("readmodel.apply")
    }
    try await stage.startWorker(.first, "first-2")
    try await stage.checkAll([.first])
    // It can't be asked to stop: this is what a supervisor does to a process whose health fails.
    process.kill()
    stage.tally.add(.workersKilled)
  }
}
