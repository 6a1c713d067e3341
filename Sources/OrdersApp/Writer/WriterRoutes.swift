import Eventually
import EventuallyKafka
import EventuallySQLite
import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import Orders

typealias OrderStore = SQLiteEventStore<OrderEventCodec>
typealias OrderPublisher = KafkaPublisher<OrderStore>

/// The writer's HTTP interface: commands, orders, the event feed, health.
struct WriterRoutes: Sendable {
  let store: OrderStore
  let repository: Repository<Order, OrderStore>
  let publisher: OrderPublisher
  let readability: StoreReadability
  private let loads = LoadGate(capacity: 96 << 20)

  /// An order has about twenty events; those that have many more are loaded from snapshots.
  static let snapshotInterval: UInt64 = 100

  init(
    store: OrderStore, publisher: OrderPublisher, readability: StoreReadability? = nil,
    logger: Logger
  ) {
    self.store = store
    self.publisher = publisher
    self.readability =
      readability ?? StoreReadability(store.log, through: store.head.position, logger: logger)
    repository = Repository(
      Order(), store: store,
      snapshots: Snapshots(in: store, codec: OrderStateCodec(), every: Self.snapshotInterval) {
        error in
        logger.warning("a snapshot could not be used", metadata: ["error": "\(error)"])
      })
  }

  func orderID(_ context: BasicRequestContext) throws -> String {
    let id = try context.pathParameter("id")
    guard Order.isValid(id: id) else { throw OrderError.invalidID(id) }
    return id
  }

  /// Waits until an order can be loaded. One of 10,000 lines (1.5 MB of events) was measured in release: 1.9 times its size as it
  /// is loaded, and 3.2 times at the peak of twenty that were loaded from snapshots at once.
  private func room(for id: String) async throws -> LoadGate.Pass? {
    let size = store.size(ofLargeStream: id)
    return size == 0 ? nil : try await loads.enter(Int(clamping: min(size, 1 << 40)) * 3)
  }

  func command(
    _ name: String, _ request: Request, _ context: BasicRequestContext
  ) async throws -> Reply {
    let id = try orderID(context)
    let body = try await request.wholeBody()
    let command = try OrderJSON.command(name, body.span, now: .now())
    let pass = try await room(for: id)
    defer { withExtendedLifetime(pass) {} }
    let (root, _) = try await repository.execute([command], on: id)
    return OrderJSON.writeHandled(id, root)
  }

  /// Several commands as one append: all of them or none.
  func commands(
    _ request: Request, _ context: BasicRequestContext
  ) async throws -> Reply {
    let id = try orderID(context)
    let body = try await request.wholeBody()
    let (commands, expected) = try OrderJSON.commands(body.span, now: .now())
    let pass = try await room(for: id)
    defer { withExtendedLifetime(pass) {} }
    guard let expected else {
      let (root, _) = try await repository.execute(commands, on: id)
      return OrderJSON.writeHandled(id, root)
    }
    var root = try await repository.get(id)
    guard root.version == expected else {
      throw EventStoreError.conflict(
        VersionConflict(streamID: id, expected: expected, actual: root.version))
    }
    try await root.handle(commands)
    try await repository.save(&root)
    return OrderJSON.writeHandled(id, root)
  }

  func order(_ request: Request, _ context: BasicRequestContext) async throws -> Reply {
    let id = try orderID(context)
    return try await Reply(pieces: OrderPieces(id: id, store: store))
  }

  func history(_ request: Request, _ context: BasicRequestContext) async throws -> Reply {
    let id = try orderID(context)
    return try await Reply(pieces: HistoryPieces(id: id, log: store.log))
  }

  /// The event feed, one event a line: of a partition, or of the whole store. Whoever names a store gets
  /// events of that store or none.
  func events(_ request: Request, _ context: BasicRequestContext) async throws -> Reply {
    if let asked = try request.parameter("store"), asked != store.storeID {
      throw HTTPError(
        .conflict, message: "this is the store \(store.storeID), not \(asked.prefix(80))")
    }
    let after = try request.number("after", default: 0)
    let limit = Int(try request.number("limit", default: 1000, in: 1...10_000))
    var scope = SQLiteEventLog.Scope.store
    if try request.parameter("partition") != nil {
      scope = .partition(
        Partition(try request.number("partition", in: 0...UInt64(store.partitionCount - 1))))
    }
    if let list = try request.parameter("partitions") {
      let partitions = list.split(separator: ",", omittingEmptySubsequences: false)
        .map { Partition($0) ?? -1 }
      guard partitions.allSatisfy({ (0..<store.partitionCount).contains($0) }) else {
        throw HTTPError(
          .badRequest,
          message: "the parameter 'partitions' must be numbers from 0 to "
            + "\(store.partitionCount - 1), separated by commas")
      }
      scope = .partitions(Set(partitions))
    }
    var reply = try await Reply(
      pieces: EventPieces(log: store.log, scope: scope, after: after, limit: limit))
    reply.contentType = "application/x-ndjson"
    return reply
  }

  func summary() async throws -> StoreSummary {
    StoreSummary(
      storeID: store.storeID, partitionCount: store.partitionCount,
      heads: try await store.log.heads(), head: store.head.position,
      published: publisher.status.published)
  }

  /// The writer is ready as long as it can take commands; that it can't publish at the moment is said too.
  func readiness(
    _ request: Request, _ context: BasicRequestContext
  ) async throws -> Reply {
    let status = publisher.status
    let head = store.head.position
    let failure = await store.writeFailure()
    return Reply(failure == nil ? .ok : .serviceUnavailable) { json in
      json.beginObject()
      json.member("status", failure == nil ? "ready" : "not ready")
      json.member("reasons", failure.map { [$0] } ?? [])
      json.key("head")
      json.integer(head)
      json.key("published")
      json.integer(status.published)
      json.key("backlog")
      json.integer(head - min(head, status.published))
      json.key("publisher")
      json.string(status.phase.rawValue)
      json.member("topicRecordsRejected", status.rejectedRecords)
      if let failure = status.failure {
        json.key("failure")
        json.string(failure)
      }
      RemovalRoutes.write(store.pendingErasures, &json)
      if !status.refused.isEmpty {
        json.key("refused")
        json.beginArray()
        for event in status.refused { event.write(&json) }
        json.endArray()
      }
      if let failure = status.cursorFailure { json.member("cursorFailure", failure) }
      readability.findings.write(&json)
      json.endObject()
    }
  }
}

extension RefusedEvent {
  /// An object with what the event is, why it is refused, and what to do.
  fileprivate func write(_ json: inout JSONWriter) {
    json.beginObject()
    json.key("partition")
    json.integer(position.partition)
    json.key("offset")
    json.integer(position.partitionOffset)
    json.member("sequenceNumber", position.sequenceNumber)
    json.member("stream", streamID)
    json.member("type", type)
    json.key("id")
    json.plainString { id.append(to: &$0) }
    json.key("bytes")
    json.integer(size)
    json.member("reason", reason)
    json.member("since", since.description)
    json.member("what", description)
    json.endObject()
  }
}
