import Eventually
import EventuallyKafka
import HTTPTypes

/// Whether a writer takes commands, and how far it has published.
struct WriterReadiness: Sendable {
  let writer: Writer

  /// The writer is ready as long as it can take commands; that it can't publish at the moment, or that another writer of the
  /// store does, is said too.
  var operation: API.Operation {
    .vital(
      "/readyz", "Whether commands can be taken, and how far publishing is",
      answers: API.readiness(
        "WriterReadiness", Self.members,
        ready: [
          "status": "ready", "reasons": [], "head": 42, "published": 42, "backlog": 0,
          "publisher": "publishing", "topicRecordsRejected": 0, "erasuresPending": 0,
          "unreadableEvents": 0, "unknownEvents": 0,
        ])
    ) { _ in await answer() }
  }

  private static var members: [Schema.Member] {
    let count = Schema.integer(0...(1 << 62))
    return [
      .required("head", count), .required("published", count), .required("backlog", count),
      .required("publisher", .string(minimum: 1)), .optional("publishedBy", .string(minimum: 1)),
      .optional("epoch", count), .required("topicRecordsRejected", count),
      .optional("failure", .string(minimum: 1)), .required("erasuresPending", count),
      .optional("erasuresPendingSince", .string(format: "date-time")),
      .optional("erasureReason", .string(minimum: 1)), .optional("refused", .array(.map(.any))),
      .optional("cursorFailure", .string(minimum: 1)), .required("unreadableEvents", count),
      .required("unknownEvents", count), .optional("firstUnreadable", .string(minimum: 1)),
      .optional("eventsLookedAt", count),
    ]
  }

  private func answer() async -> JSONResponse {
    let status = writer.publisher.status
    let head = writer.store.head.position
    let failure = await writer.store.writeFailure()
    let readability = writer.readability.findings
    let reasons =
      (failure.map { [$0] } ?? []) + (writer.acceptsUnreadableTypes ? [] : readability.reasons)
    return JSONResponse(reasons.isEmpty ? .ok : .serviceUnavailable) { json in
      json.beginObject()
      json.member("status", reasons.isEmpty ? "ready" : "not ready")
      json.member("reasons", reasons)
      json.key("head")
      json.integer(head)
      json.key("published")
      json.integer(status.published)
      json.key("backlog")
      json.integer(head - min(head, status.published))
      json.key("publisher")
      json.string(status.phase.rawValue)
      if let holder = status.holder { json.member("publishedBy", holder.name) }
      if let epoch = status.holder?.epoch ?? status.epoch { json.member("epoch", epoch) }
      json.member("topicRecordsRejected", status.rejectedRecords)
      if let failure = status.failure {
        json.key("failure")
        json.string(failure)
      }
      Self.write(writer.store.pendingErasures, &json)
      if !status.refused.isEmpty {
        json.key("refused")
        json.beginArray()
        for event in status.refused { event.write(&json) }
        json.endArray()
      }
      if let failure = status.cursorFailure { json.member("cursorFailure", failure) }
      readability.write(&json)
      json.endObject()
    }
  }

  /// What readiness says of removals.
  private static func write(_ pending: PendingErasures, _ json: inout JSONWriter) {
    json.member("erasuresPending", pending.count)
    if let since = pending.since { json.member("erasuresPendingSince", since.description) }
    if let reason = pending.reason { json.member("erasureReason", reason) }
  }
}

extension RefusedEvent {
  /// An object with what the event is, why it is refused, and what to do.
  fileprivate func write(_ json: inout JSONWriter) {
    json.beginObject()
    json.key("partition")
    json.integer(position.partition)
    json.key("offset")
    json.integer(position.partitionOffset)
    json.member("sequenceNumber", position.sequenceNumber)
    json.member("stream", streamID)
    json.member("type", type)
    json.key("id")
    json.plainString { id.append(to: &$0) }
    json.key("bytes")
    json.integer(size)
    json.member("reason", reason)
    json.member("since", since.description)
    json.member("what", description)
    json.endObject()
  }
}
