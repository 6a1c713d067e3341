import Eventually
import EventuallyPostgres
import EventuallySQLite
import Orders

typealias OrderStore = RecordEventStore<OrderEventCodec>

extension String {
  /// Whether it is the address of a database, and not a file's path.
  var isURL: Bool { hasPrefix("postgres://") }
}

/// A store in a file or a database, made where there is none.
func openStore(_ place: String, partitions: Partition? = nil) async throws -> OrderStore {
  let options = EventStoreOptions(partitionCount: partitions)
  return place.isURL
    ? try await OrderStore(postgres: place, codec: OrderEventCodec(), options: options)
    : try OrderStore(path: place, codec: OrderEventCodec(), options: options)
}

/// A store's log.
func openLog(_ place: String) async throws -> any StoreLog {
  place.isURL ? try await PostgresEventLog(url: place) : try SQLiteEventLog(path: place)
}

/// A read model of a store in a file or a database, made where there is none.
func openReadModel<Model: ReadModel<OrderEvent>>(
  _ place: String, _ model: Model, of log: any StoreLog
) async throws -> any GenerationStore<OrderEvent> {
  if place.isURL {
    return try await PostgresReadModelDatabase(
      url: place, model: model, codec: OrderEventCodec(), storeID: log.storeID,
      partitionCount: log.partitionCount)
  }
  return try ReadModelDatabase(
    path: place, model: model, codec: OrderEventCodec(), storeID: log.storeID,
    partitionCount: log.partitionCount)
}

/// One of the sample's read models.
func readModel(_ name: String) throws -> any ReadModel<OrderEvent> {
  switch name {
  case "sales": SalesReadModel()
  case "orders": OrdersReadModel()
  case "customers": CustomersReadModel()
  default: throw BenchError("no such read model: \(name)")
  }
}
