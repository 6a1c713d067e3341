/// An order as JSON, written while its events are read: its lines are never in memory together. What the last event decides comes at
/// the end.
struct OrderPieces: ReplyPieces {
  private let id: String
  private var pages: SQLiteStreamPages
  private var state = Order().initialState
  private var version: Version = 0

  init(id: String, store: OrderStore) {
    self.id = id
    pages = store.log.pages(ofStream: id)
  }

  mutating func writeNext(_ json: inout JSONWriter) async throws -> Bool {
    let records = try await pages.next()
    guard version > 0 || !records.isEmpty else { throw OrderError.unknown(id) }
    for record in records {
      guard case .event(let persisted) = try record.entry(decodedBy: OrderEventCodec()) else {
        throw EventStoreError.unavailable("the order '\(id)' was removed while it was read")
      }
      do {
        try Order().apply(persisted.event, to: &state)
      } catch {
        throw RepositoryError.unappliable(version: record.position.version, cause: error)
      }
      if version == 0 { begin(&json) }
      version = record.position.version
      for line in state.lines {
        json.beginObject()
        OrderEventCodec.write(line, &json)
        json.endObject()
      }
      state.lines.removeAll(keepingCapacity: true)
    }
    guard pages.isAtEnd else { return true }
    json.endArray()
    json.member("status", state.status.rawValue)
    if let reason = state.cancellation { json.member("cancellation", reason) }
    json.key("total")
    json.plainString { state.total.append(to: &$0) }
    json.member("version", version)
    json.endObject()
    json.newline()
    return false
  }

  private func begin(_ json: inout JSONWriter) {
    json.beginObject()
    json.member("id", id)
    if let header = state.header { OrderEventCodec.write(header, &json) }
    json.key("items")
    json.beginArray()
  }
}
