import Eventually
import HTTPTypes

/// Removing entities over HTTP, and what has become of removals.
struct RemovalRoutes: Sendable {
  let writer: Writer
  let path: String
  let ids: IDRule
  let category: StreamCategory
  /// What an entity is called in the OpenAPI document.
  let noun: String
  let remove: @Sendable (String, Version?) async throws(EventStoreError) -> EventPosition?
  /// An answer waits for the erasure for at most this long.
  var patience = Duration.seconds(1)

  private static let removal = Schema.named(
    "Removal",
    .object([
      .required("id", .string(minimum: 1).example("1")),
      .required("removed", .boolean),
      .required("erasure", .string(values: ["pending", "done"]).example("done")),
      .required("removedAt", .string(format: "date-time")),
      .optional("erasedAt", .string(format: "date-time")),
      .optional("reason", .string(minimum: 1)),
      .required("token", .token),
    ]))
  private static let done: API.Example = [
    "id": "1", "removed": true, "erasure": "done", "removedAt": "2026-11-23T12:00:00Z",
    "erasedAt": "2026-11-23T12:00:01Z", "token": "0-9",
  ]
  private static let pending: API.Example = [
    "id": "1", "removed": true, "erasure": "pending", "removedAt": "2026-11-23T12:00:00Z",
    "reason": "a reader of the store holds an earlier state", "token": "0-9",
  ]

  func operations() -> [API.Operation] {
    var erase = API.Operation(
      .delete, "/\(path)/{id}", "Erase an entity for good, in the read models too",
      role: .administer,
      parameters: [.id(ids), .idempotencyKey] + API.conditions + API.contextParameters,
      answers: [
        API.Response(
          200, "Removed, and nothing of it is left in the store", Self.removal
        ).carrying(.token).example(Self.done),
        API.Response(
          202,
          "Removed; the store's log has the events until nobody reads an earlier state any more: ask at "
            + "the address that the header Location has", Self.removal
        ).carrying(.token, .location).example(Self.pending),
        API.Response("The request comes from a page of another origin", .otherOrigin),
        API.Response(404, "There is no such entity"),
        API.Response("The entity changed at the same time", .conflict),
        API.Response(412, "The entity is not as If-Match or If-None-Match has it"),
        API.Response(422, "The text can't be an id"),
        API.Response(
          "Overloaded, or the store can't be used; worth trying again", .overloaded, .stopping,
          .storeUnavailable), API.Response("No space is left for events", .storeFull),
      ], handler: remove)
    erase.operationID = "delete\(noun)"
    erase.description =
      "Its events' payloads are overwritten, read models forget it, and an entity of the same id begins anew at version 1. There is no way back."
    var asked = API.Operation(
      .get, "/\(path)/{id}/removal",
      "Whether anything of a removed entity is left in the store",
      parameters: [.id(ids)],
      answers: [
        API.Response(200, "The entity's last removal", Self.removal).carrying(.token)
          .example(Self.done),
        API.Response(404, "There is no such entity, or it was never removed"),
        API.Response(422, "The text can't be an id"),
      ], handler: status)
    asked.operationID = "get\(noun)Removal"
    asked.description =
      "`erasure` is `done` once nothing of the entity is left in the store, its file or its tables; `reason` says what is waited for until then."
    (erase.tag, asked.tag) = (API.Tag(name: path), API.Tag(name: path))
    return [erase, asked]
  }

  private func remove(_ request: APIRequest) async throws -> JSONResponse {
    let id = try request.id(ids)
    // A removal has its effect once without a key: what is removed already is not removed again.
    _ = try request.idempotencyKey()
    let removal = try await remove(id, where: Precondition(request.headers))
    if let removal { _ = await writer.store.waitForErasure(of: removal, atMost: patience) }
    let erasure = try await writer.store.log.erasure(of: category.streamName(of: id))
    // Whoever asks again, since the answer was lost, is told what there is to wait for.
    guard let erasure, removal != nil || erasure.erased == nil else {
      throw RequestError(kind: .notFound, "there is no '\(id)'")
    }
    var response = response(id, erasure, erasure.erased == nil ? .accepted : .ok)
    if erasure.erased == nil {
      response.headers[.location] = "/\(path)/\(PercentEncoding.encode(id))/removal"
    }
    return response
  }

  /// Removes the entity at the version that was held against the condition; where somebody else was faster, the next one is.
  private func remove(
    _ id: String, where condition: Precondition, attempts: Int = 8
  ) async throws -> EventPosition? {
    if condition.isEmpty { return try await remove(id, nil) }
    let version = try await writer.store.log.version(ofStream: category.streamName(of: id))
    try condition.check(version)
    do throws(EventStoreError) {
      return try await remove(id, version)
    } catch {
      guard case .conflict = error, attempts > 1 else { throw error }
    }
    return try await remove(id, where: condition, attempts: attempts - 1)
  }

  private func status(_ request: APIRequest) async throws -> JSONResponse {
    let id = try request.id(ids)
    guard let erasure = try await writer.store.log.erasure(of: category.streamName(of: id)) else {
      throw RequestError(kind: .notFound, "'\(id)' was never removed")
    }
    return response(id, erasure, .ok)
  }

  private func response(
    _ id: String, _ erasure: StreamErasure, _ status: HTTPResponse.Status
  ) -> JSONResponse {
    let token = ConsistencyToken(erasure.removal)
    return JSONResponse(status) { json in
      json.beginObject()
      json.member("id", id)
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
}
