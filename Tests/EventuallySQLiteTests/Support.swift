import Eventually
import EventuallySQLite
import Foundation

/// Events that are plain text.
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

typealias TextStore = SQLiteEventStore<TextCodec>

/// A folder that goes away with the test.
final class TemporaryFolder: Sendable {
  let path: String

  init() throws {
    let url = FileManager.default.temporaryDirectory.appending(
      path: "eventually-tests-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    path = url.path()
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  func file(_ name: String) -> String { path + "/" + name }
}

func collect<S: AsyncSequence>(_ sequence: S) async throws -> [S.Element] {
  var elements: [S.Element] = []
  for try await element in sequence { elements.append(element) }
  return elements
}

/// A number that several tasks count up.
final class Count: Sendable {
  private let number = Locked(0)

  var value: Int { number.withLock { $0 } }

  func add() { number.withLock { $0 += 1 } }
}

extension ReadModelStore {
  /// Applies deliveries, parking nothing; returns the leases that have been fenced.
  func apply(_ deliveries: [Delivery<Event>]) async throws -> [PartitionLease] {
    try await apply(deliveries, parking: []).fenced
  }
}

/// The log of a store without events.
struct EmptyLog: EventLog {
  let storeID: String
  let partitionCount: Partition

  func heads() -> [UInt64] { Array(repeating: 0, count: Int(partitionCount)) }
  func records(after sequenceNumber: UInt64, limit: Int) -> [EventRecord] { [] }
  func records(
    after sequenceNumber: UInt64, limit: Int, of partitions: Set<Partition>
  ) -> [EventRecord] { [] }
  func records(partition: Partition, after position: UInt64, limit: Int) -> [EventRecord] { [] }
}
