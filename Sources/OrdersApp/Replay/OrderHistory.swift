import Eventually
import Orders

/// An order's state, event by event, with what each one changed.
struct OrderHistory {
  let id: String
  private(set) var state = Order().initialState

  init(id: String) {
    self.id = id
  }

  /// Takes in the order's next event.
  /// - Returns: what it changed, a line each.
  mutating func take(_ record: EventRecord) throws -> [String] {
    guard case .event(let persisted) = try record.entry(decodedBy: OrderEventCodec()) else {
      return []
    }
    let before = state
    do {
      try Order().apply(persisted.event, to: &state)
    } catch {
      throw RepositoryError.unappliable(version: record.position.version, cause: error)
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
        "item \(after.lines.count): \(line.quantity) × \(line.sku) \(line.description) at \(line.unitPrice)"
      )
    }
    note("cancellation", before.cancellation, after.cancellation)
    note("total", before.total.description, after.total.description)
    return changes
  }
}
