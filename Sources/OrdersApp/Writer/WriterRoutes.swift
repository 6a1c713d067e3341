import Eventually
import EventuallyKafka
import EventuallySQLite
import HTTPTypes
import Hummingbird
import NIOCore
import Orders

typealias OrderStore = SQLiteEventStore<OrderEventCodec>
typealias OrderPublisher = KafkaPublisher<OrderStore>

/// The writer's HTTP interface: commands, orders, the event feed, health.
struct WriterRoutes: Sendable {
  /// A body may have at most this many bytes.
  static let maximumBody = 4 << 20

  let store: OrderStore
  let repository: Repository<Order, OrderStore>
  let publisher: OrderPublisher

  init(store: OrderStore, publisher: OrderPublisher) {
    self.store = store
    self.publisher = publisher
    repository = Repository(Order(), store: store)
  }

  func add(to router: Router<BasicRequestContext>) {
    for (path, name) in [
      ("create", "create"), ("add-item", "addItem"), ("complete", "complete"),
      ("cancel", "cancel"),
    ] {
      router.post("/orders/:id/\(RouterPath(path))") { request, context in
        try await command(name, request, context)
      }
    }
    router.post("/orders/:id/commands", use: commands)
    router.get("/orders/:id", use: order)
    router.delete("/orders/:id", use: remove)
    router.get("/orders/:id/history", use: history)
    router.get("/events", use: events)
    router.get("/store") { _, _ in
      let summary = try await summary()
      return Reply { summary.write(&$0) }
    }
    addHealth(to: router)
    router.get("/readyz", use: readiness)
  }

  private func body(_ request: Request) async throws -> [UInt8] {
    do {
      return Array(try await request.body.collect(upTo: Self.maximumBody).readableBytesView)
    } catch is NIOTooManyBytesError {
      throw HTTPError(
        .contentTooLarge, message: "a body may have at most \(Self.maximumBody) bytes")
    }
  }

  private func orderID(_ context: BasicRequestContext) throws -> String {
    let id = try context.parameters.require("id")
    guard Order.isValid(id: id) else { throw OrderError.invalidID(id) }
    return id
  }

  private func command(
    _ name: String, _ request: Request, _ context: BasicRequestContext
  ) async throws -> Reply {
    let id = try orderID(context)
    let body = try await body(request)
    let command = try OrderJSON.command(name, body.span, now: .now())
    let (root, appended) = try await repository.execute([command], on: id)
    return OrderJSON.writeAppended(id, appended, version: root.version)
  }

  /// Several commands as one append: all of them or none.
  private func commands(
    _ request: Request, _ context: BasicRequestContext
  ) async throws -> Reply {
    let id = try orderID(context)
    let body = try await body(request)
    let (commands, expected) = try OrderJSON.commands(body.span, now: .now())
    guard let expected else {
      let (root, appended) = try await repository.execute(commands, on: id)
      return OrderJSON.writeAppended(id, appended, version: root.version)
    }
    var root = try await repository.get(id)
    guard root.version == expected else {
      throw EventStoreError.conflict(
        VersionConflict(streamID: id, expected: expected, actual: root.version))
    }
    for command in commands { try await root.handle(command) }
    let appended = try await repository.save(&root)
    return OrderJSON.writeAppended(id, appended, version: root.version)
  }

  private func order(_ request: Request, _ context: BasicRequestContext) async throws -> Reply {
    let id = try orderID(context)
    let root = try await repository.get(id)
    guard root.version > 0 else { throw OrderError.unknown(id) }
    return Reply { OrderJSON.write(root.state, id: id, version: root.version, &$0) }
  }

  /// Erases an order for good, here and in the read models.
  private func remove(_ request: Request, _ context: BasicRequestContext) async throws -> Reply {
    let id = try orderID(context)
    guard try await repository.get(id).version > 0 else { throw OrderError.unknown(id) }
    try await repository.remove(id)
    return Reply { json in
      json.beginObject()
      json.key("order")
      json.string(id)
      json.key("removed")
      json.bool(true)
      json.endObject()
    }
  }

  private func history(_ request: Request, _ context: BasicRequestContext) async throws -> Reply {
    let id = try orderID(context)
    let records = try await store.log.records(ofStream: id)
    guard !records.isEmpty else { throw OrderError.unknown(id) }
    return Reply { json in
      json.beginArray()
      for record in records { OrderJSON.write(record, &json) }
      json.endArray()
    }
  }

  /// The event feed, one event a line: of a partition, or of the whole store. Whoever names a store gets
  /// events of that store or none.
  private func events(_ request: Request, _ context: BasicRequestContext) async throws -> Reply {
    if let asked = request.uri.queryParameters["store"], asked != store.storeID {
      throw HTTPError(
        .conflict, message: "this is the store \(store.storeID), not \(asked.prefix(80))")
    }
    let after = try request.number("after", default: 0)
    let limit = Int(try request.number("limit", default: 1000, in: 1...10_000))
    let records: [EventRecord]
    if request.uri.queryParameters["partition"] == nil {
      records = try await store.log.records(after: after, limit: limit)
    } else {
      let partition = try request.number(
        "partition", in: 0...UInt64(store.partitionCount - 1))
      records = try await store.log.records(
        partition: Partition(partition), after: after, limit: limit)
    }
    var reply = Reply { json in
      for record in records {
        OrderJSON.write(record, &json)
        json.newline()
      }
    }
    reply.contentType = "application/x-ndjson"
    return reply
  }

  private func summary() async throws -> StoreSummary {
    StoreSummary(
      storeID: store.storeID, partitionCount: store.partitionCount,
      heads: try await store.log.heads(), head: store.head.position,
      published: publisher.status.published)
  }

  /// The writer is ready as long as it takes commands; that it can't publish at the moment is said too.
  private func readiness(
    _ request: Request, _ context: BasicRequestContext
  ) async throws -> Reply {
    let status = publisher.status
    let head = store.head.position
    return Reply { json in
      json.beginObject()
      json.key("status")
      json.string("ready")
      json.key("head")
      json.integer(head)
      json.key("published")
      json.integer(status.published)
      json.key("backlog")
      json.integer(head - min(head, status.published))
      json.key("publisher")
      json.string(status.phase.rawValue)
      if let failure = status.failure {
        json.key("failure")
        json.string(failure)
      }
      json.endObject()
    }
  }
}
