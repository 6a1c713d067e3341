import Eventually
import EventuallyKafka
import HTTPTypes

extension Console {
  /// An event's way: from its append by the topic to the rows of the read models, what led to it and what it led to.
  func addEvents(to api: inout API) {
    let history = StateHistory(application)
    api.add(
      question("events/{id}") { request in
        let finder = EventFinder(store: try await sources.store())
        let record = try await Self.event(request, finder)
        return try await way(of: record, finder, history, view(of: request))
      })
    api.add(
      question("events/{id}/topic") { request in
        let record = try await Self.event(request, EventFinder(store: try await sources.store()))
        return try await topicOffset(of: record)
      })
    api.add(
      question("events/{id}/payload") { request in
        let record = try await Self.event(request, EventFinder(store: try await sources.store()))
        let shown = view(of: request).show(record.payload, ofStream: record.streamID)
        return JSONResponse { json in
          if shown.json.isEmpty { json.null() } else { json.raw(shown.json) }
        }
      })
  }

  /// Where the topic has an event of which that is not known any more: the topic is asked.
  private func topicOffset(of record: EventRecord) async throws -> JSONResponse {
    guard let publisher = sources.writer?.publisher else {
      throw RequestError(kind: .notFound, "a writer's console looks into the topic")
    }
    guard let place = topicLookUps.share() else {
      throw Overloaded("the topic is looked into \(topicLookUps.limit) times already")
    }
    defer { withExtendedLifetime(place) {} }
    let offset = try await publisher.lookUp(
      record.position.partitionOffset, in: record.position.partition,
      within: options.questionLimit - .milliseconds(100))
    return JSONResponse { json in
      json.beginObject()
      json.member("offset", optional: offset)
      json.endObject()
    }
  }

  private static func event(
    _ request: APIRequest, _ finder: EventFinder
  ) async throws -> EventRecord {
    let text = try request.path("id")
    guard let id = EventID(utf8: Array(text.utf8).span) else {
      throw RequestError(kind: .notFound, "'\(text.excerpt)' is no event's id")
    }
    guard let record = try await finder.event(id) else {
      throw RequestError(
        kind: .notFound,
        "the store has no event \(id), or its writer's clock was wrong when it was appended")
    }
    return record
  }

  // MARK: - The way

  private func way(
    of record: EventRecord, _ finder: EventFinder, _ history: StateHistory, _ view: Masking.View
  ) async throws -> JSONResponse {
    async let published = published(record, finder.store)
    async let entries = history.entries(
      of: record.streamID, before: record.position.version + 1, limit: 1, in: finder.store)
    async let causes = causes(of: record, finder)
    async let effects = effects(of: record, finder.store)
    async let legs = legs(of: record, in: finder.store)
    let step = try await entries.first { $0.record.id == record.id }?.step
    let (relay, found, searched) = (try await published, try await causes, try await effects)
    let models = try await legs
    return JSONResponse { json in
      json.beginObject()
      json.key("event")
      ConsoleRecord.write(record, view, &json)
      ConsoleRecord.write(step ?? .init(), ofStream: record.streamID, view, &json)
      json.key("command")
      json.beginObject()
      if let holder = record.metadata.additional["holder"] { json.member("holder", holder) }
      if let trace = record.metadata.traceParent { json.member("trace", trace) }
      json.endObject()
      json.key("published")
      write(relay, of: record, &json)
      json.key("readModels")
      json.beginArray()
      for leg in models { leg.write(of: record, published: relay.times?.upperBound, view, &json) }
      json.endArray()
      let parts = models.map { ($0.name, $0.applied) }
      json.key("summary")
      EventWay.summary(parts, appended: record.time).write(&json)
      json.key("causes")
      json.beginArray()
      for cause in found {
        json.beginObject()
        cause.writeMembers(&json)
        json.endObject()
      }
      json.endArray()
      json.key("effects")
      json.beginArray()
      for effect in searched.effects.effects { effect.write(&json) }
      json.endArray()
      json.key("searched")
      json.beginObject()
      json.key("all")
      json.bool(searched.through == nil)
      if let through = searched.through { json.member("to", through) }
      json.endObject()
      json.endObject()
    }
  }

  private func published(
    _ record: EventRecord, _ log: any StoreLog
  ) async throws -> EventWay.Published {
    let position = record.position
    async let published = log.published()
    async let progress = log.publishedProgress()
    async let isSkipped = log.isSkipped(
      partition: position.partition, offset: position.partitionOffset)
    return EventWay.published(
      position,
      EventWay.Relay(
        published: try await published, progress: try await progress,
        acknowledgement: sources.writer?.publisher.acknowledgement(
          of: position.partitionOffset, in: position.partition),
        isSkipped: try await isSkipped))
  }

  private func write(
    _ published: EventWay.Published, of record: EventRecord, _ json: inout JSONWriter
  ) {
    json.beginObject()
    json.member("state", published.state.rawValue)
    if let times = published.times {
      json.member("time", times.upperBound.description)
      json.member("publisher", process.name)
      json.milliseconds("afterAppended", from: record.time, to: times.upperBound)
    }
    json.member("partition", record.position.partition)
    json.member("offset", optional: published.offset)
    if let why = published.why { json.member("why", why) }
    json.endObject()
  }

  // MARK: - Causes and effects

  /// What led to an event, the nearest cause first.
  private func causes(
    of record: EventRecord, _ finder: EventFinder
  ) async throws -> [EventSummary] {
    var causes: [EventSummary] = []
    var next = record.metadata.causationID
    while let text = next, causes.count < EventEffects.depth,
      // A message of somebody else's may have led to it.
      let id = EventID(utf8: Array(text.utf8).span), let cause = try await finder.event(id),
      cause.position.sequenceNumber < record.position.sequenceNumber
    {
      causes.append(EventSummary(cause))
      next = cause.metadata.causationID
    }
    return causes
  }

  /// So many events after one are looked through for what it led to, unless the time is up before.
  private static let searchedEvents = 20_000
  private static let searchTime = Duration.milliseconds(150)

  /// - Returns: the sequence number through which was searched where that is not all.
  private func effects(
    of record: EventRecord, _ log: any StoreLog
  ) async throws -> (effects: EventEffects, through: UInt64?) {
    let begin = ContinuousClock.now
    var effects = EventEffects(of: record.id)
    var (read, count) = (record.position.sequenceNumber, 0)
    while count < Self.searchedEvents, ContinuousClock.now - begin < Self.searchTime,
      !effects.isFull
    {
      try Task.checkCancellation()
      let page = try await log.records(of: .store, after: read, limit: 1_000, bytes: 1 << 20)
      guard let last = page.last else { return (effects, nil) }
      for next in page { effects.take(next) }
      read = last.position.sequenceNumber
      count += page.count
    }
    return (effects, read)
  }
}

extension EventWay.Summary {
  fileprivate func write(_ json: inout JSONWriter) {
    func write(_ state: EventWay.Applied.State, _ names: [String]) {
      json.beginObject()
      json.member("state", state.rawValue)
      json.member("readModels", names)
      json.endObject()
    }
    switch self {
    case .parked(let names): write(.parked, names)
    case .discarded(let names): write(.discarded, names)
    case .waiting(let names): write(.waiting, names)
    case .unknown(let names): write(.unknown, names)
    case .applied(let milliseconds):
      json.beginObject()
      json.member("state", EventWay.Applied.State.applied.rawValue)
      json.number("afterAppended", milliseconds)
      json.endObject()
    case .none: json.null()
    }
  }
}

extension JSONWriter {
  /// A member where the moments do not contradict each other.
  mutating func milliseconds(_ name: StaticString, from begin: Timestamp, to end: Timestamp) {
    guard let milliseconds = EventWay.milliseconds(from: begin, to: end) else { return }
    key(name)
    raw("\((milliseconds * 1_000).rounded() / 1_000)".utf8)
  }
}
