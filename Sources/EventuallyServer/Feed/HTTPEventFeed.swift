public import Eventually
import Foundation

/// The feed of a writer, over HTTP.
///
/// Another writer may come to serve at the same address later, so each request says which store is meant.
public struct HTTPEventFeed: EventLog {
  /// A writer gives so many events at once, however many are asked for.
  static let largestPage = 10_000

  let endpoint: HTTPEndpoint
  /// The id of the store that is meant.
  public let storeID: String
  /// How many partitions it has.
  public let partitionCount: Partition

  /// The feed of the store that a writer serves now.
  /// - Throws: where the writer does not answer, or refuses.
  public init(_ endpoint: HTTPEndpoint) async throws {
    let store = try await StoreSummary(from: endpoint)
    self.endpoint = endpoint
    storeID = store.storeID
    partitionCount = store.partitionCount
  }

  /// See `EventLog`.
  public func records(
    partition: Partition, after position: UInt64, limit: Int
  ) async throws -> [EventRecord] {
    try await records("partition=\(partition)&after=\(position)&limit=\(Self.page(limit))")
  }

  /// See `EventLog`.
  public func records(
    after sequenceNumber: UInt64, limit: Int
  ) async throws(EventStoreError) -> [EventRecord] {
    do {
      return try await records("after=\(sequenceNumber)&limit=\(Self.page(limit))")
    } catch {
      throw .unavailable("the writer \(endpoint.base) could not be read", cause: error)
    }
  }

  /// See `EventLog`.
  public func records(
    after sequenceNumber: UInt64, limit: Int, of partitions: Set<Partition>
  ) async throws -> [EventRecord] {
    let list = partitions.sorted().map(String.init).joined(separator: ",")
    return try await records("partitions=\(list)&after=\(sequenceNumber)&limit=\(Self.page(limit))")
  }

  private static func page(_ limit: Int) -> Int { min(limit, largestPage) }

  private func records(_ parameters: String) async throws -> [EventRecord] {
    let body = try await endpoint.get("/events?store=\(storeID)&\(parameters)")
    return try body.split(separator: UInt8(ascii: "\n")).map { line in
      let line = Array(line)
      return try RecordJSON.record(line.span)
    }
  }

  /// See `EventLog`.
  public func heads() async throws -> [UInt64] {
    let store = try await StoreSummary(from: endpoint)
    guard store.storeID == storeID else {
      throw Failure("\(endpoint.base) now serves the store \(store.storeID), not \(storeID)")
    }
    return store.heads
  }
}
