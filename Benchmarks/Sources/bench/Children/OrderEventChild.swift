import ArgumentParser
import Eventually
import EventuallySQLite
import Orders

/// The events around the nth of orders: appended through the repository, with the sample's snapshots, or applied to sales.
struct OrderEventChild: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "order-event", shouldDisplay: false)
  @Argument var work: String
  @Argument var database: String
  @Argument var n: Int

  /// As many events are measured, in as many orders as that takes.
  private static let measured = 200
  /// Of one order: the last is the nth. With a hundred, one snapshot is among them.
  private var window: Int { min(n / 2, 100) }
  private var orders: Int { Self.measured / window }

  func run() async throws {
    switch work {
    case "append": try await append()
    case "apply": try await apply()
    default: throw BenchError("no such work: \(work)")
    }
  }

  private func events(_ count: Int) throws -> [OrderEvent] {
    guard let created = Events.order(0).first else { throw BenchError("an order has no events") }
    return [created] + Array(repeating: Events.line, count: count - 1)
  }

  private func append() async throws {
    guard case .itemAdded(let line) = Events.line else { throw BenchError("a line is no line") }
    let store = try OrderStore(path: database, codec: OrderEventCodec())
    let repository = Repository(
      Order(), store: store, snapshots: Snapshots(in: store, codec: OrderStateCodec(), every: 100))
    var calls: [Double] = []
    for number in 0..<orders {
      let id = Events.orderID(number)
      var rest = try events(n - window)[...]
      // The last of those comes through the repository, so that there is a snapshot.
      while rest.count > 1 {
        let batch = Array(rest.prefix(min(1_000, rest.count - 1)))
        _ = try await store.append(batch, to: id, expecting: .any)
        rest = rest.dropFirst(batch.count)
      }
      for count in 0...window {
        let before = monotonic()
        var root = try await repository.get(id)
        try await root.handle(.addItem(line))
        try await repository.save(&root)
        if count > 0 { calls.append(monotonic() - before) }
      }
    }
    try Measured(count: calls.count, seconds: calls.reduce(0, +), calls: calls).report()
  }

  private func apply() async throws {
    let database = try ReadModelDatabase(
      path: database, model: SalesReadModel(), codec: OrderEventCodec(), storeID: "bench",
      partitionCount: 1)
    let lease = try await database.claim([0], owner: "bench")[0]
    var position: UInt64 = 0
    var calls: [Double] = []
    for number in 0..<orders {
      let id = Events.orderID(number)
      let events = try events(n)
      var first = 0
      while first < n {
        // What is measured comes one at a time.
        let size = first < n - window ? min(1_000, n - window - first) : 1
        let entries = (first..<first + size).map { index in
          let sequence = position + UInt64(index - first) + 1
          let time = Timestamp(microseconds: 1_767_225_600_000_000)
          return LogEntry<String, OrderEvent>.event(
            Persisted(
              streamID: id,
              position: EventPosition(
                partition: 0, partitionOffset: sequence, sequenceNumber: sequence,
                version: UInt64(index) + 1),
              id: EventID(time: time), time: time, event: events[index]))
        }
        let delivery = Delivery(
          partition: 0, epoch: lease.epoch, after: position == 0 ? nil : position,
          entries: entries, nextOffset: nil)
        let before = monotonic()
        guard try await database.apply([delivery], parking: []) == ApplyOutcome() else {
          throw BenchError("an event was not applied")
        }
        if first >= n - window { calls.append(monotonic() - before) }
        first += size
        position += UInt64(size)
      }
    }
    try Measured(count: calls.count, seconds: calls.reduce(0, +), calls: calls).report()
  }
}
