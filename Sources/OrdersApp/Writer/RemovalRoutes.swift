import Eventually
import EventuallySQLite
import HTTPTypes
import Hummingbird
import Orders

/// Removing orders over HTTP, and what has become of removals.
struct RemovalRoutes: Sendable {
  private let writer: WriterRoutes
  /// An answer waits for the erasure for at most this long.
  private let patience: Duration

  init(_ writer: WriterRoutes, patience: Duration = .seconds(1)) {
    self.writer = writer
    self.patience = patience
  }

  private static let removal = Schema.object([
    .required("order", WriterRoutes.orderIDSchema),
    .required("removed", .boolean),
    .required("erasure", .string(values: ["pending", "done"])),
    .required("removedAt", .string(format: "date-time")),
    .optional("erasedAt", .string(format: "date-time")),
    .optional("reason", .string(minimum: 1)),
    .required("token", .string(pattern: "^[0-9]+-[0-9]+$")),
  ])

  func add(to api: inout API) {
    api.add(
      API.Operation(
        method: .delete, path: "/orders/{id}",
        summary: "Erase an order for good, in the read models too", isProtected: true,
        parameters: [WriterRoutes.orderID] + API.contextParameters,
        answers: [
          API.Answer(200, "Removed, and nothing of it is left in the store's files", Self.removal),
          API.Answer(
            202,
            "Removed; the store's log has the events until nobody reads an earlier state any more: ask at "
              + "the address that the header Location has", Self.removal),
          API.Answer(404, "There is no such order"),
          API.Answer(409, "The order changed at the same time"),
          API.Answer(422, "The id can't name an order"), API.Answer(507, "No space is left"),
        ], handler: remove))
    api.add(
      API.Operation(
        method: .get, path: "/orders/{id}/removal",
        summary: "Whether anything of a removed order is left in the store's files",
        isProtected: true, parameters: [WriterRoutes.orderID],
        answers: [
          API.Answer(200, "The order's last removal", Self.removal),
          API.Answer(404, "There is no such order, or it was never removed"),
          API.Answer(422, "The id can't name an order"),
        ], handler: status))
  }

  private func remove(_ request: Request, _ context: BasicRequestContext) async throws -> Reply {
    let id = try writer.orderID(context)
    let removal = try await writer.repository.remove(id)
    if let removal { _ = await writer.store.waitForErasure(of: removal, atMost: patience) }
    let erasure = try await writer.store.log.erasure(of: id)
    // Whoever asks again, since the answer was lost, is told what there is to wait for.
    guard let erasure, removal != nil || erasure.erased == nil else { throw OrderError.unknown(id) }
    var reply = reply(erasure, erasure.erased == nil ? .accepted : .ok)
    if erasure.erased == nil { reply.headers[.location] = "/orders/\(id)/removal" }
    return reply
  }

  private func status(_ request: Request, _ context: BasicRequestContext) async throws -> Reply {
    let id = try writer.orderID(context)
    guard let erasure = try await writer.store.log.erasure(of: id) else {
      throw HTTPError(.notFound, message: "the order '\(id)' was never removed")
    }
    return reply(erasure, .ok)
  }

  private func reply(_ erasure: StreamErasure, _ status: HTTPResponse.Status) -> Reply {
    let token = ConsistencyToken(
      partition: erasure.removal.partition, position: erasure.removal.partitionOffset)
    return Reply(status) { json in
      json.beginObject()
      json.member("order", erasure.streamID)
      json.key("removed")
      json.bool(true)
      json.member("erasure", erasure.erased == nil ? "pending" : "done")
      json.member("removedAt", erasure.removed.description)
      if let erased = erasure.erased {
        json.member("erasedAt", erased.description)
      } else if let reason = writer.store.pendingErasures.reason {
        json.member("reason", reason)
      }
      json.member("token", token.description)
      json.endObject()
    }.carrying(token)
  }

  /// What readiness says of removals.
  static func write(_ pending: PendingErasures, _ json: inout JSONWriter) {
    json.member("erasuresPending", pending.count)
    if let since = pending.since { json.member("erasuresPendingSince", since.description) }
    if let reason = pending.reason { json.member("erasureReason", reason) }
  }
}
