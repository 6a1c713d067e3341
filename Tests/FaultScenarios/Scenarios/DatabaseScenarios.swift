import Eventually
import EventuallyServer
import Foundation

/// What a server of PostgreSQL refuses for a while, while it runs.
extension Scenario {
  static func databaseDiskFull(_ stage: Stage) async throws {
    let volume = try await Volume(in: stage.pipeline, megabytes: 96)
    try await stage.database.move(to: try await volume.folder(of: "postgres"))
    try await stage.refuses(
      507, because: "can't grow",
      from: {
        try volume.fill()
        stage.tally.add(.disksFilled)
      }, until: { try volume.empty() })
    try await volume.remove()
  }

  static func connectionsExhausted(_ stage: Stage) async throws {
    let database = try stage.database
    try await stage.refuses(
      503, because: "too many connections", toWorkers: "too many connections",
      from: {
        try await database.limitConnections(to: 0)
        try await database.terminateSessions()
        stage.tally.add(.connectionsDenied)
      },
      until: {
        // Some get one now, and keep it.
        try await database.limitConnections(to: Int.random(in: 1...4, using: &stage.random))
        try await stage.pause(500...3000)
        try await database.limitConnections(to: nil)
      })
  }

  static func databaseReadOnly(_ stage: Stage) async throws {
    let database = try stage.database
    try await stage.refuses(
      503, because: "read-only", toWorkers: "read-only",
      from: {
        try await database.setReadOnly(true)
        try await database.terminateSessions()
        stage.tally.add(.databasesReadOnly)
      }, until: { try await database.setReadOnly(false) })
  }
}

extension Stage {
  /// Two writers and their workers, to whom the server refuses something for a while, which they tell; then they go on by themselves.
  /// - Parameters:
  ///   - status: the answer to commands meanwhile.
  ///   - words: in what a writer says of its readiness meanwhile.
  ///   - workerWords: in what a worker says of its own; `nil` where it may have nothing to do that is refused.
  fileprivate func refuses(
    _ status: UInt, because words: String, toWorkers workerWords: String? = nil,
    from begin: () async throws -> Void, until end: () async throws -> Void
  ) async throws {
    try await startTwoWriters()
    let workers = try await startWorkersOfStore()
    // A writer waits ten seconds for a connection before it refuses: clients wait longer, or never see the refusal.
    let load = try startLoad(entities: 400, rate: 60, timeout: .seconds(30))
    try await begun(load, 20)
    try await begin()
    try await waitUntil("commands are refused", seen: { "\(load.begun) \(load.failures)" }) {
      load.refusals(status) > 0
    }
    let writers = [try writer] + others.map(\.endpoint)
    for writer in writers {
      var body = ""
      try await waitUntil("a writer says why: \(words)", seen: { body }) {
        let answer = try await writer.text("/readyz")
        body = answer.body
        return answer.status == 503 && body.contains(words)
      }
    }
    if let workerWords {
      for worker in workers { try await becomesUnready(worker, because: workerWords) }
    }
    try await end()
    for writer in writers {
      var body = ""
      try await waitUntil("a writer is ready", seen: { body }) {
        let answer = try await writer.text("/readyz")
        body = answer.body
        return answer.status == 200
      }
    }
    for worker in workers { try await becomesReady(worker) }
    try await publishedWhole()
    try await checkAll([.first, .second])
  }
}
