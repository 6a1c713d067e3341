import Eventually
import Foundation

@testable import EventuallyPostgres

/// A session of a store's schema whose transactions a test holds open, and that waits for no flush.
struct RawSession {
  let connection: PostgresConnection
  let pid: Int64

  init(_ url: String? = nil, schema: String) async throws {
    connection = try await PostgresConnection(try url ?? TestServer.shared.get().url())
    pid = try await connection.run([PostgresStatement("SELECT pg_backend_pid()")], "ask")[0]
      .integer(0, 0)
    _ = try await connection.run(
      [
        PostgresStatement(
          "SELECT set_config('search_path', $1, false)", .text(schema + ", pg_temp"))
      ], "prepare")
  }

  @discardableResult
  func run(_ texts: String...) async throws -> PostgresRows? {
    try await connection.run(texts.map { PostgresStatement($0) }, "test").last
  }

  func number(_ text: String) async throws -> Int64 {
    try await connection.run([PostgresStatement(text)], "test")[0].integer(0, 0)
  }

  /// Calls `append_group` with an event for each stream.
  func append(
    _ streams: String..., key: String? = nil, expecting: ExpectedVersion = .any
  ) async throws -> [Result<StoreOutcome, EventStoreError>] {
    let payload = Array("x".utf8)
    let group = AppendGroup(
      requests: streams.map { stream in
        AppendGroup.Request(
          streamID: stream, expecting: expecting,
          events: EncodedEvents(
            types: ["t"], payloads: payload, ends: [payload.count], metadata: [], check: nil),
          key: key.map { StoredKey(IdempotencyKey($0), of: stream) })
      }, partitioner: Partitioner(count: 12), streamLimit: StreamLimit())
    var ids = EventIDGenerator()
    let statement = group.statement(at: .now(), keyLifetime: nil) {
      ids.next(at: .now(), count: $0)
    }
    return try group.answers(try await connection.run([statement], "append")[0]).map(\.result)
  }

  /// Waits until another session waits for a lock.
  func waitUntilBlocked(_ other: RawSession) async throws {
    try await until("session \(other.pid) waits") {
      try await number(
        "SELECT count(*) FROM pg_stat_activity WHERE pid = \(other.pid) AND wait_event_type = 'Lock'"
      )
        == 1
    }
  }
}
