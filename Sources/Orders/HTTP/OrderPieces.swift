import Eventually
import EventuallyServer
import HTTPTypes

/// The order itself, written by hand: one of many lines is sent while it is read.
struct OrderRoutes: Component {
  func register(in registry: inout Registry) {
    registry.add(
      WriterRoutes { writer in
        API.Operation(
          .get, "/orders/{id}", "An order, as its events make it",
          isTagged: true, parameters: [.orderID],
          answers: [
            API.Response(200, "The order", OrderBody.orderSchema).example(OrderBody.example),
            API.Response(404, "There is no such order").telling(OrderError.unknown("tea-1")),
            API.Response(422, "The id can't name an order").telling(OrderError.invalidID("a b")),
          ]
        ) { request in
          let id = try request.path("id")
          guard Order.isValid(id: id) else { throw OrderError.invalidID(id) }
          return try await JSONResponse(pieces: OrderPieces(id: id, log: writer.store.log))
        }
      })
  }
}

/// An order as JSON, written while its events are read: its lines are never in memory together. What the last event decides comes at
/// the end.
struct OrderPieces: ResponsePieces {
  private let id: String
  private var pages: any StreamPages
  private var state = Order().initialState
  private var version: Version = 0

  var headers: HTTPFields { [.eTag: "\"\(pages.lastVersion)\""] }

  init(id: String, log: any StoreLog) {
    self.id = id
    pages = log.pages(ofStream: id)
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
        OrderBody.write(line, &json)
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
    if let header = state.header { OrderBody.write(header, &json) }
    json.key("items")
    json.beginArray()
  }
}
