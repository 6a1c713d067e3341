import Eventually
import EventuallyServer

/// Where imported and simulated orders go.
protocol OrderSink: Sendable {
  /// How many orders are worth sending at the same time.
  var concurrency: Int { get }
  /// Places a whole order, where there is none with its id.
  func place(_ id: String, _ events: [OrderEvent]) async throws -> Placement
}

/// What became of an order.
enum Placement: Sendable {
  case placed
  /// It was there already, with just these events.
  case wasThere
  /// There is another one with its id.
  case differs
  /// It is not taken, whenever it is sent, and for this reason.
  case refused(String)
}

/// Appends to a store that this process is the writer of.
struct StoreSink: OrderSink {
  let concurrency = 128
  private let store: RecordEventStore<OrderEventCodec>

  init(_ writer: Writer) {
    store = RecordEventStore(writer.store, category: Order.category, codec: OrderEventCodec())
  }

  func place(_ id: String, _ events: [OrderEvent]) async throws -> Placement {
    while true {
      do {
        _ = try await store.append(events, to: id, expecting: .exact(0))
        return .placed
      } catch {
        if case .conflict = error { break }
        if case .invalid(let reason) = error { return .refused(reason) }
        if case .recordTooLarge(let refusal) = error { return .refused(refusal.description) }
        guard case .overloaded = error else { throw error }
      }
      // What waits already is being appended.
      try await Task.sleep(for: .milliseconds(20))
    }
    var found: [OrderEvent] = []
    for try await persisted in store.stream(id, .all) { found.append(persisted.event) }
    return found == events ? .wasThere : .differs
  }
}
