import Eventually
import EventuallyTesting
import Foundation
import Testing

@testable import EventuallyPostgres

/// What nobody has written so is found.
@Suite(.serialized, .timeLimit(.minutes(5))) struct DamageTests {
  private struct Case: Sendable, CustomTestStringConvertible {
    var statement: String
    var words: [String]
    var testDescription: String { statement }
  }

  private static let cases = [
    Case(
      statement: "DELETE FROM events WHERE sequence = 5",
      words: ["sequence numbers have gaps", "partition offsets have gaps", "versions"]),
    Case(
      statement:
        "UPDATE events SET partition_offset = partition_offset + 100 WHERE sequence = (SELECT max(sequence) FROM events)",
      words: ["partition offsets have gaps", "from 1 to"]),
    Case(
      statement:
        "UPDATE events SET version = 7 WHERE version = 2 AND sequence = (SELECT max(sequence) FROM events)",
      words: ["versions of a stream have gaps", "from version 1 to 7"]),
    Case(
      statement: "UPDATE streams SET partition = partition + 1 WHERE key = 1",
      words: ["not of a stream of its partition"]),
    Case(
      statement: """
        UPDATE events SET partition_offset = CASE partition_offset WHEN 1 THEN 2 ELSE 1 END
        WHERE partition_offset <= 2
          AND partition = (SELECT partition FROM events WHERE partition_offset = 2 LIMIT 1)
        """,
      words: ["not in the order of their partition"]),
    Case(
      statement: "UPDATE idempotency_keys SET sequence = 999",
      words: ["an idempotency key", "999"]),
  ]

  private func fill(_ schema: String, _ url: String? = nil) async throws {
    let store = try await TestStores.open(
      url, schema: schema, options: EventStoreOptions(partitionCount: 2))
    for number in 0..<5 {
      _ = try await store.append(
        ["a", "b"], to: "s \(number)", expecting: .any, idempotencyKey: IdempotencyKey("\(number)"))
    }
    _ = try await store.remove("s 1")
    _ = try await store.append(["c"], to: "s 1", expecting: .any)
    _ = try await store.append(["d", "e"], to: "t", expecting: .any)
    await store.close()
  }

  @Test(arguments: cases)
  private func whatHasChangedIsFound(_ one: Case) async throws {
    let schema = TestStores.schema()
    try await fill(schema)
    let log = try await PostgresEventLog(
      url: try TestServer.shared.get().url(), schema: schema)
    let sound = try await log.findDamage()
    #expect(sound.findings.isEmpty)
    #expect(sound.indexesLeftOut?.contains("amcheck") == true)
    let session = try await RawSession(schema: schema)
    // Whatever keeps order is out of the way, as it is for a disk that lies.
    try await session.run("DROP INDEX events_by_partition")
    try await session.run("DROP INDEX events_by_stream")
    try await session.run(one.statement)
    let found = try await log.findDamage().findings.joined(separator: "\n")
    for word in one.words { #expect(found.contains(word), "\(found)") }
    await log.close()
  }

  /// An index that does not go with its table, and one whose page is gone.
  @Test func damagedIndexesAreFound() async throws {
    let server = try TestServer()
    let schema = TestStores.schema()
    try await fill(schema, server.url())
    try await server.run("CREATE EXTENSION amcheck", "CHECKPOINT")
    let log = try await PostgresEventLog(url: server.url(), schema: schema)
    let sound = try await log.findDamage()
    #expect(sound.findings.isEmpty && sound.indexesLeftOut == nil, "\(sound)")
    let connection = try await PostgresConnection(server.url())
    let path = try await connection.run(
      [PostgresStatement("SELECT pg_relation_filepath('\(schema).events_by_partition')")], "ask")[0]
      .text(0, 0)
    await connection.close()
    try await server.stop()
    let file = URL(filePath: "\(server.server.folder)/\(path)")
    var pages = try Data(contentsOf: file)
    pages.replaceSubrange(8192..<16384, with: Data(count: 8192))
    try pages.write(to: file)
    try await server.start()
    let found = try await log.findDamage().findings
    #expect(found.contains { $0.contains("events_by_partition") }, "\(found)")
    await log.close()
  }

  /// Whoever may not look says what the owner has to do.
  @Test func aRoleThatMayNotLookSaysSo() async throws {
    let server = try TestServer()
    let schema = TestStores.schema()
    try await fill(schema, server.url())
    try await server.run(
      "CREATE EXTENSION amcheck", "CREATE ROLE reader LOGIN",
      "GRANT USAGE ON SCHEMA \(schema) TO reader",
      "GRANT SELECT ON ALL TABLES IN SCHEMA \(schema) TO reader")
    let log = try await PostgresEventLog(
      url: server.url().replacing("postgres@", with: "reader@"), schema: schema)
    let check = try await log.findDamage()
    #expect(check.findings.isEmpty)
    #expect(check.indexesLeftOut?.contains("GRANT EXECUTE") == true, "\(check)")
    await log.close()
  }
}
