import Eventually
import EventuallyKafka
import EventuallySQLite
import HTTPTypes

/// The event feed: a store's events for workers, and for whoever wants all of them.
struct FeedRoutes: Sendable {
  let log: SQLiteEventLog
  let publisher: KafkaPublisher<ApplicationStore>

  func add(to api: inout API) {
    api.add(
      API.Operation(
        .get, "/events",
        "The event feed, one event a line: of a partition, or of the whole store",
        isProtected: true,
        parameters: [
          .query(
            "partition", "Only this partition's", .integer(0...Int64(log.partitionCount) - 1)),
          .query(
            "partitions",
            "Only these partitions', separated by commas, in the store's order; goes before 'partition'",
            .array(.integer(0...Int64(log.partitionCount) - 1), minimum: 1)),
          .query(
            "after", "The position, in the partition or in the store, after which to begin",
            .integer(0...(1 << 62))),
          .query("limit", "At most this many events", .integer(1...10_000)),
          .query("store", "The id of the store that is meant", .string(maximum: 80)),
        ],
        answers: [
          API.Response(200, "Events", contentType: "application/x-ndjson"),
          API.Response(409, "This is another store"),
        ], handler: events))
    api.add(
      API.Operation(
        .get, "/store", "The store's id, partitions and heads",
        isProtected: true, answers: [API.Response(200, "The store")]
      ) { _ in
        let summary = try await summary()
        return JSONResponse { summary.write(&$0) }
      })
  }

  /// The event feed, one event a line: of a partition, or of the whole store. Whoever names a store gets
  /// events of that store or none.
  private func events(_ request: APIRequest) async throws -> JSONResponse {
    if let asked = try request.parameter("store"), asked != log.storeID {
      throw RequestError(
        kind: .wrongStore,
        "this is the store \(log.storeID), not \(asked.excerpt): ask that one's writer",
        parameter: "store")
    }
    let after = try request.number("after", default: 0)
    let limit = Int(try request.number("limit", default: 1000, in: 1...10_000))
    var scope = SQLiteEventLog.Scope.store
    if try request.parameter("partition") != nil {
      scope = .partition(
        Partition(try request.number("partition", in: 0...UInt64(log.partitionCount - 1))))
    }
    if let list = try request.parameter("partitions") {
      let partitions = list.split(separator: ",", omittingEmptySubsequences: false)
        .map { Partition($0) ?? -1 }
      guard partitions.allSatisfy({ (0..<log.partitionCount).contains($0) }) else {
        throw RequestError(
          kind: .invalidRequest,
          "the parameter 'partitions' must be numbers from 0 to "
            + "\(log.partitionCount - 1), separated by commas", parameter: "partitions")
      }
      scope = .partitions(Set(partitions))
    }
    var response = try await JSONResponse(
      pieces: EventPieces(log: log, scope: scope, after: after, limit: limit))
    response.contentType = "application/x-ndjson"
    return response
  }

  private func summary() async throws -> StoreSummary {
    StoreSummary(
      storeID: log.storeID, partitionCount: log.partitionCount,
      heads: try await log.heads(), head: try await log.head(),
      published: publisher.status.published)
  }
}
