import Eventually

/// Finds streams in a store: by the index of ids where that is what is asked for, and else by their events.
struct StreamFinder: Sendable {
  /// Streams, and where the next ones begin.
  struct Page: Sendable {
    var isByID: Bool
    var streams: [StreamHead]
    var next: PageCursor?
    /// The sequence number of the store's last event, where events were looked through.
    var head: UInt64 = 0
    /// What was looked through; `nil` for all that there is.
    var searched: (from: UInt64, to: UInt64)?
  }

  let store: any StreamList
  var bounds = StreamSearch.Bounds()
  /// A clock may step back by as many events: see ``StreamList/sequenceNumber(near:)``.
  private static let slack: UInt64 = 2_000

  /// - Parameter isByID: whether streams come in the order of their ids; else those with the newest events come first.
  /// - Throws: an answer 422 where the cursor is none of this question.
  func find(
    _ question: StreamSearch.Question, isByID: Bool, from cursor: PageCursor?
  ) async throws -> Page {
    switch (cursor?.values.first, isByID) {
    case (nil, true): return try await byID(question.prefix, after: nil)
    case (.text(let id)?, true): return try await byID(question.prefix, after: id)
    case (nil, false):
      if let found = try await amongFew(question) { return found }
      return try await byEvents(question, from: nil)
    case (.integer(let sequence)?, false):
      return try await byEvents(question, from: UInt64(clamping: sequence))
    default:
      throw RequestError(
        kind: .invalid, "the parameter 'cursor' must be as an answer has it", parameter: "cursor")
    }
  }

  private func byID(_ prefix: String, after: String?) async throws -> Page {
    // One more tells whether there is a further page, and one is what comes before.
    let found = try await store.streams(from: after ?? prefix, limit: bounds.streams + 2)
      .filter { stream in after.map { !stream.streamID.hasSameBytes(as: $0) } ?? true }
      .prefix { $0.streamID.utf8.starts(with: prefix.utf8) }
    let page = Array(found.prefix(bounds.streams))
    return Page(
      isByID: true, streams: page,
      next: found.count > page.count ? page.last.map { PageCursor([.text($0.streamID)]) } : nil)
  }

  /// The streams for which a question holds, those with the newest events first; `nil` where too many ids begin like that to look at each
  /// in time.
  private func amongFew(_ question: StreamSearch.Question) async throws -> Page? {
    guard !question.prefix.isEmpty else { return nil }
    let end = ContinuousClock.now + bounds.fewTime
    let streams = try await store.streams(from: question.prefix, limit: bounds.few + 1)
      .prefix { $0.streamID.utf8.starts(with: question.prefix.utf8) }
    let events = streams.reduce(UInt64(0)) { $0 &+ $1.last.version }
    guard streams.count <= bounds.few, events <= bounds.events else { return nil }
    var found: [StreamHead] = []
    for stream in streams {
      guard let holds = try await holds(question, for: stream, until: end) else { return nil }
      if holds { found.append(stream) }
    }
    return Page(
      isByID: false,
      streams: found.sorted { $0.last.sequenceNumber > $1.last.sequenceNumber })
  }

  /// Whether a question holds for a stream; `nil` where that takes too long.
  private func holds(
    _ question: StreamSearch.Question, for stream: StreamHead, until end: ContinuousClock.Instant
  ) async throws -> Bool? {
    if question.isOfLast { return question.matches(stream.last) }
    var pages = store.pages(ofStream: stream.streamID, from: 1, bytes: 1 << 20)
    while true {
      guard .now < end else { return nil }
      let records = try await pages.next()
      guard !records.isEmpty else { return false }
      let isThere = records.contains { record in
        (question.type.map { record.type.hasSameBytes(as: $0) } ?? true)
          && question.matches(
            EventHead(
              streamID: record.streamID, sequenceNumber: record.position.sequenceNumber,
              version: record.position.version, type: record.type, time: record.time,
              correlationID: record.metadata.correlationID))
      }
      if isThere { return true }
    }
  }

  private func byEvents(_ question: StreamSearch.Question, from: UInt64?) async throws -> Page {
    let begin = ContinuousClock.now
    let head = try await store.head()
    var (newest, oldest) = (min(from ?? head, head), UInt64(1))
    if from == nil, let to = question.to {
      newest = min(newest, try await store.sequenceNumber(near: to) &+ Self.slack)
    }
    if let from = question.from {
      let near = try await store.sequenceNumber(near: from)
      oldest = near > Self.slack ? near - Self.slack : 1
    }
    var search = StreamSearch(question, from: newest, through: oldest, bounds: bounds)
    while let range = search.next(after: .now - begin) {
      search.take(try await store.events(in: range, question.filter), of: range)
    }
    let heads = try await store.streams(named: search.found)
    let byID = Dictionary(heads.map { (ByteKey($0.streamID), $0) }, uniquingKeysWith: { $1 })
    return Page(
      isByID: false, streams: search.found.compactMap { byID[ByteKey($0)] },
      next: search.rest.map { PageCursor([.integer(Int64(clamping: $0))]) }, head: head,
      searched: search.rest == nil && from == nil ? nil : search.searched)
  }
}
