import Eventually

extension Console {
  /// Streams, their events and states.
  func addStreams(to api: inout API) {
    let history = StateHistory(application)
    api.add(question("streams") { try await streams($0) })
    api.add(question("event-types") { _ in try await eventTypes() })
    api.add(question("streams/{stream}") { try await stream($0) })
    api.add(question("streams/{stream}/events") { try await events($0, history) })
    api.add(question("streams/{stream}/state") { try await state($0, history) })
  }

  /// What the asker of a request is shown.
  func view(of request: APIRequest) -> Masking.View { masking.view(for: request.asker.role) }

  /// The types of the store's newest events.
  private func eventTypes() async throws -> JSONResponse {
    let newest = try await sources.store().newestOfEachType(1, amongLast: 10_000)
    return JSONResponse { json in
      json.beginObject()
      json.member("types", Set(newest.map { ByteKey($0.type) }).sorted().map(\.text))
      json.endObject()
    }
  }

  private func streams(_ request: APIRequest) async throws -> JSONResponse {
    guard let store = try await sources.store() as? any StreamList else {
      throw RequestError(kind: .notFound, "streams can't be looked for in this process's store")
    }
    func time(_ name: String) throws -> Timestamp? {
      guard let text = try request.parameter(name), !text.isEmpty else { return nil }
      guard let time = Timestamp(text) else {
        throw RequestError(
          kind: .invalid, "the parameter '\(name)' must be a time such as 2026-01-05T12:00:00Z",
          parameter: name)
      }
      return time
    }
    func text(_ name: String) throws -> String? {
      try request.parameter(name).flatMap { $0.isEmpty ? nil : $0 }
    }
    var question = StreamSearch.Question(
      prefix: try text("prefix") ?? "", type: try text("type"),
      correlation: try text("correlation"), from: try time("from"), to: try time("to"))
    if let category = try text("category") {
      // Within a category an id may be begun with or without it.
      let prefix = "\(category)/"
      if !question.prefix.utf8.starts(with: prefix.utf8) {
        question.prefix = prefix + question.prefix
      }
    }
    let isByID = !question.prefix.isEmpty && question.isOfLast && question.from == nil
    let cursor = try text("cursor").map { text in
      guard let cursor = PageCursor(text) else {
        throw RequestError(
          kind: .invalid, "the parameter 'cursor' must be as an answer has it", parameter: "cursor")
      }
      return cursor
    }
    let page = try await StreamFinder(store: store).find(question, isByID: isByID, from: cursor)
    return JSONResponse { json in
      json.beginObject()
      json.member("order", page.isByID ? "id" : "newest")
      json.key("streams")
      json.beginArray()
      for stream in page.streams { Self.write(stream, &json) }
      json.endArray()
      json.key("next")
      if let next = page.next { json.string(next.text) } else { json.null() }
      json.key("searched")
      json.beginObject()
      json.key("all")
      json.bool(page.searched == nil)
      if let searched = page.searched {
        json.member("from", searched.from)
        json.member("to", searched.to)
        json.member("head", page.head)
      }
      json.endObject()
      json.endObject()
    }
  }

  private static func write(_ stream: StreamHead, _ json: inout JSONWriter) {
    json.beginObject()
    json.member("stream", stream.streamID)
    json.member("category", StreamCategory.of(stream: stream.streamID)?.name ?? "")
    json.member("version", stream.last.version)
    json.member("partition", stream.partition)
    json.member("lastType", stream.last.type)
    json.member("lastTime", "\(stream.last.time)")
    json.member("lastSequenceNumber", stream.last.sequenceNumber)
    json.endObject()
  }

  private func stream(_ request: APIRequest) async throws -> JSONResponse {
    let id = try request.path("stream")
    let store = try await sources.store()
    let head = try await (store as? any StreamList)?.streams(named: [id]).first
    let erasure = try await store.erasure(of: id)
    var pages = store.pages(ofStream: id, from: 1, bytes: 1)
    let first = try await pages.next().first
    guard head != nil || erasure != nil || first != nil else {
      throw RequestError(kind: .notFound, "there is no stream '\(id.excerpt(200))'")
    }
    let parkedIn = await readModels(parking: id)
    return JSONResponse { json in
      json.beginObject()
      json.member("stream", id)
      json.member("category", StreamCategory.of(stream: id)?.name ?? "")
      json.member("version", head?.last.version ?? 0)
      json.member("partition", head?.partition ?? erasure?.removal.partition ?? 0)
      for (name, time) in [("first", first?.time), ("last", head?.last.time)] {
        json.key(named: name)
        if let time { json.string("\(time)") } else { json.null() }
      }
      json.member("bytes", head?.bytes ?? 0)
      json.key("erasure")
      if let erasure {
        json.beginObject()
        json.member("removed", "\(erasure.removed)")
        json.key("erased")
        if let erased = erasure.erased { json.string("\(erased)") } else { json.null() }
        json.endObject()
      } else {
        json.null()
      }
      json.member("parkedIn", parkedIn)
      json.endObject()
    }
  }

  /// The read models in which a stream is parked; one that can't be read tells nothing, and is told of by the overview.
  private func readModels(parking stream: String) async -> [String] {
    var names: [String] = []
    for model in sources.readModels {
      guard let source = try? await model.live.open(),
        let count = try? await source.parkedStreamCount(), count > 0,
        let parked = try? await source.parkedStreams(),
        parked.contains(where: { $0.streamID.hasSameBytes(as: stream) })
      else { continue }
      names.append(model.name)
    }
    return names
  }

  private func events(
    _ request: APIRequest, _ history: StateHistory
  ) async throws -> JSONResponse {
    let id = try request.path("stream")
    let store = try await sources.store()
    let last = try await store.version(ofStream: id)
    let before = try request.number("before", default: last + 1, in: 1...(1 << 62))
    let entries = try await history.entries(
      of: id, before: min(before, last + 1), limit: 50, in: store)
    let view = view(of: request)
    return JSONResponse { json in
      json.beginObject()
      json.key("events")
      json.beginArray()
      for entry in entries {
        ConsoleRecord.write(entry.record, view, &json) { json in
          ConsoleRecord.write(entry.step, ofStream: id, view, &json)
        }
      }
      json.endArray()
      json.key("before")
      if let version = entries.last?.record.position.version, version > 1 {
        json.integer(version)
      } else {
        json.null()
      }
      json.endObject()
    }
  }

  private func state(_ request: APIRequest, _ history: StateHistory) async throws -> JSONResponse {
    let id = try request.path("stream")
    let store = try await sources.store()
    let moment: StateHistory.Moment
    if let text = try request.parameter("time") {
      guard let time = Timestamp(text) else {
        throw RequestError(
          kind: .invalid, "the parameter 'time' must be a time such as 2026-01-05T12:00:00Z",
          parameter: "time")
      }
      moment = .time(time)
    } else {
      moment = .version(try request.number("version", default: 1 << 62))
    }
    let state = try await history.state(of: id, at: moment, in: store)
    let view = view(of: request)
    return JSONResponse { json in
      json.beginObject()
      json.member("version", state.last?.position.version ?? 0)
      if let last = state.last {
        json.member("time", "\(last.time)")
        json.member("type", last.type)
        json.member("event", "\(last.id)")
      }
      ConsoleRecord.write(state: state.json, ofStream: id, view, &json)
      ConsoleRecord.write(state.step, ofStream: id, view, &json)
      if let failure = state.failure, view.showsReasons(ofStream: id) {
        json.member("failure", failure)
      }
      json.endObject()
    }
  }
}
