import Eventually
import EventuallySQLite
import Foundation

extension Scenario {
  static let diskScenarios = [
    Scenario(
      "writer-disk-full", "the store's volume is full for a while",
      on: .files("it fills the volume of a file; a server's is its own"),
      obstacle: Volume.obstacle, play: writerDiskFull),
    Scenario(
      "worker-disk-full", "the read models' volume is full for a while",
      on: .files("it fills the volume of files; a server's is its own"),
      obstacle: Volume.obstacle, play: workerDiskFull),
    Scenario(
      "torn-write-ahead-log",
      "SIGKILL, and the end of a write-ahead log is damaged: of the store's behind its last commit, of a read "
        + "model's in the middle of commits",
      on: .files("it damages files of SQLite's"), play: tornLog),
    Scenario(
      "read-model-deleted", "a read model's file is deleted: it is built again from zero",
      on: .files("it deletes a file"), play: deleted),
  ]

  private static func writerDiskFull(_ stage: Stage) async throws {
    let volume = try await Volume(in: stage.pipeline, megabytes: 96)
    stage.pipeline.harness.setStoreFolder(volume.path)
    try await stage.pipeline.startBroker()
    let writer = try await stage.startWriter()
    let worker = try await stage.startWorker(.first, "first-1")
    let load = try stage.startLoad(entities: 400, rate: 60)
    try await stage.begun(load, 20)
    try volume.fill()
    stage.tally.add(.disksFilled)
    try await waitUntil("commands are refused", seen: { "\(load.begun)" }) {
      load.refusals(507) > 0
    }
    var body = ""
    try await waitUntil("the writer says that its disk is full", seen: { body }) {
      let answer = try await writer.text("/readyz")
      body = answer.body
      return answer.status == 503 && body.contains("no space left")
    }
    try await waitUntil(
      "it logs that, and a gauge says it", seen: { stage.pipeline.writer?.log ?? "" }
    ) {
      let metrics = try await writer.text("/metrics").body
      return metrics.contains(/eventually_store_unwritable\{[^}]*\} 1\n/)
        && stage.pipeline.writer?.log.contains("the store can't be written") == true
    }
    try volume.empty()
    try await waitUntil("the writer is ready") { try await writer.text("/readyz").status == 200 }
    try await waitUntil("it logs that") {
      stage.pipeline.writer?.log.contains("the store can be written again") == true
    }
    try await stage.becomesReady(worker)
    try await stage.checkAll([.first])
    try await volume.remove()
  }

  private static func workerDiskFull(_ stage: Stage) async throws {
    let volume = try await Volume(in: stage.pipeline, megabytes: 96)
    stage.pipeline.harness.setReadModelFolder(volume.path)
    try await stage.pipeline.startBroker()
    try await stage.startWriter()
    let worker = try await stage.startWorker(.second, "second-1")
    try await stage.becomesReady(worker)
    let load = try stage.startLoad(entities: 400, rate: 60)
    try await stage.begun(load, 20)
    try volume.fill()
    stage.tally.add(.disksFilled)
    try await stage.becomesUnready(worker, because: "no space left")
    try volume.empty()
    try await stage.becomesReady(worker)
    try await stage.checkAll([.second])
    try await volume.remove()
  }

  private static func tornLog(_ stage: Stage) async throws {
    // To open and close a file would tidy it up.
    stage.observer.setReadsFiles(false)
    try await stage.pipeline.startBroker()
    try await stage.startWriter()
    let worker = try await stage.startWorker(.first, "first-1")
    try await stage.becomesReady(worker)
    let load = try stage.startLoad(entities: 240, rate: 40)
    try await stage.begun(load, 60)
    stage.killWriter()
    stage.killWorker("first-1")
    // A frame that was being written when the power went: its header, and something of its page.
    try Damage.tear(stage.pipeline.store + "-wal", &stage.random)
    // Commits of a read model that never reached the disk; they may, since the events are in the store.
    try Damage.cut(
      stage.model(.first).directory(in: stage.pipeline.readModels).path(of: 1) + "-wal")
    stage.tally.add(.filesDamaged, 2)
    try await stage.startWriter()
    try await stage.startWorker(.first, "first-1")
    try await stage.checkAll([.first])
  }

  private static func deleted(_ stage: Stage) async throws {
    try await stage.playUndisturbed(entities: 100)
    // Somebody who answers queries has the file open all the time.
    let file = stage.pipeline.file("queries.url")
    let queries = try await stage.pipeline.harness.start(
      stage.application.executables.projector,
      [
        "serve", "--read-models", stage.pipeline.readModels, "--listen", "127.0.0.1:0",
        "--address-file", file,
      ])
    try await queries.serves(addressFile: file)
    let endpoint = try stage.pipeline.endpoint(queries)
    let before = try await endpoint.text(stage.application.query).body
    try await stage.stopWorker("first-1")
    let path = stage.model(.first).directory(in: stage.pipeline.readModels).path(of: 1)
    for suffix in ["", "-wal", "-shm"] {
      try? FileManager.default.removeItem(atPath: path + suffix)
    }
    stage.tally.add(.filesDamaged)
    for _ in 1...4 {
      guard try await endpoint.text(stage.application.query).status == 503 else {
        throw NotAsExpected("queries are answered from a file that is gone")
      }
    }
    let worker = try await stage.startWorker(.first, "first-1")
    try stage.startLoad(entities: 50)
    try await stage.loadEnds()
    try await stage.verify([.first])
    let now = try await worker.endpoint.text(stage.application.query).body
    for _ in 1...4 {
      let answer = try await endpoint.text(stage.application.query).body
      guard answer == now, answer != before else {
        throw NotAsExpected("queries are answered \(answer) instead of \(now)")
      }
    }
    guard try await queries.stop() == 0 else { throw NotAsExpected(queries.log) }
    try await stage.checkAll([.first])
  }
}

/// Damages the end of a write-ahead log as a crash may.
private enum Damage {
  private static let frame = 24 + 4096

  /// Adds most of a frame that is not whole.
  static func tear(_ path: String, _ random: inout SeededRandom) throws {
    let handle = try FileHandle(forUpdating: URL(filePath: path))
    try handle.seekToEnd()
    var bytes = Data()
    for _ in 0..<(frame - 500) { bytes.append(UInt8(truncatingIfNeeded: random.next())) }
    try handle.write(contentsOf: bytes)
    try handle.close()
  }

  /// Cuts the last quarter of the frames off, in the middle of one.
  static func cut(_ path: String) throws {
    let handle = try FileHandle(forUpdating: URL(filePath: path))
    let size = try handle.seekToEnd()
    guard size > UInt64(8 * frame) else { throw NotAsExpected("\(path) has only \(size) bytes") }
    try handle.truncate(atOffset: size * 3 / 4 + 17)
    try handle.close()
  }
}
