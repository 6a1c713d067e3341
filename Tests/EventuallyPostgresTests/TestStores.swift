import Eventually
import Foundation

@testable import EventuallyPostgres

/// Events that are texts.
struct TextCodec: EventCodec {
  let contentType = "text/plain"

  func type(of event: String) -> String { "Text" }

  func encode(_ event: String, into bytes: inout [UInt8]) {
    bytes.append(contentsOf: event.utf8)
  }

  func decode(type: String, payload: Span<UInt8>) throws -> String {
    guard type == "Text" else { throw UnknownEventType(type: type) }
    let text = payload.withUnsafeBufferPointer { String(decoding: $0, as: UTF8.self) }
    return text == Self.unreadable ? "something else" : text
  }

  /// What is not read back as it was written.
  static let unreadable = "unreadable"
}

typealias TextStore = PostgresEventStore<TextCodec>

/// Stores of tests, each in a schema of its own.
enum TestStores {
  static func schema() -> String {
    "s" + UUID().uuidString.lowercased().replacing("-", with: "")
  }

  /// The relay's lease lasts: on a busy machine it might end before its holder has used it.
  private static func database(_ schema: String) -> PostgresStoreOptions {
    var database = PostgresStoreOptions()
    database.schema = schema
    database.relay.length = .seconds(120)
    return database
  }

  static func open(
    _ url: String? = nil, schema: String = schema(), options: EventStoreOptions = .init()
  ) async throws -> TextStore {
    try await TextStore(
      postgres: try url ?? TestServer.shared.get().url(), codec: TextCodec(), options: options,
      database: database(schema))
  }

  static func openRecords(
    _ url: String? = nil, schema: String = schema(), options: EventStoreOptions = .init(),
    _ change: (inout PostgresStoreOptions) -> Void = { _ in }
  ) async throws -> PostgresRecordStore {
    var database = database(schema)
    change(&database)
    return try await PostgresRecordStore.open(
      url: try url ?? TestServer.shared.get().url(), options: options, database: database)
  }
}
