import Eventually
import Orders

/// An order's state, event by event, with what each one changed.
struct OrderHistory {
  let id: String
  private(set) var state = Order().initialState

  init(id: String) {
    self.id = id
  }

  /// Why the state is not the order's: the first event that can't be read or applied.
  private(set) var failure: String?

  /// Applies the order's next event. One that can't be read or applied changes nothing, and is told.
  /// - Returns: what it changed, a line each.
  mutating func take(_ record: EventRecord) -> [String] {
    let before = state
    do {
      switch try record.entry(decodedBy: OrderEventCodec()) {
      case .event(let persisted): try Order().apply(persisted.event, to: &state)
      case .unreadable(let event): throw UnreadableEventError(event)
      case .removed, .erased: return []
      }
    } catch {
      state = before
      let reason = "the event at version \(record.position.version) can't be applied: \(error)"
      failure = failure ?? reason
      return [reason]
    }
    return Self.changes(from: before, to: state)
  }

  private static func changes(from before: Order.State, to after: Order.State) -> [String] {
    var changes: [String] = []
    func note(_ name: String, _ old: String?, _ new: String?) {
      if old != new { changes.append("\(name): \(old ?? "-") → \(new ?? "-")") }
    }
    note("status", before.header == nil ? nil : before.status.rawValue, after.status.rawValue)
    note("customer", before.header?.customer, after.header?.customer)
    note("country", before.header?.country, after.header?.country)
    note("kind", before.header?.kind.rawValue, after.header?.kind.rawValue)
    note("time", before.header?.time.description, after.header?.time.description)
    for line in after.lines.dropFirst(before.lines.count) {
      changes.append(
        "item \(after.lines.count): \(line.quantity.value) × \(line.sku) \(line.description) at \(line.unitPrice)"
      )
    }
    note("cancellation", before.cancellation, after.cancellation)
    note("total", before.total.description, after.total.description)
    return changes
  }
}
