import Eventually

/// Finds events in a store by their ids, for which there is no index: an id has the millisecond of the append.
struct EventFinder: Sendable {
  let store: any StoreLog
  /// The writer's clock may have stepped by as many events.
  var slack: UInt64 = 2_000
  /// So many events of one millisecond are looked through: imports append thousands at a time.
  static let sameMillisecond: UInt64 = 50_000

  /// An event by its id; `nil` where there is none, or it is not near its time.
  func event(_ id: EventID) async throws -> EventRecord? {
    let milliseconds = Int64(id.high >> 16)
    guard let end = Timestamp(exactly: (milliseconds + 1) * 1_000 - 1),
      let begin = Timestamp(exactly: milliseconds * 1_000 - 1)
    else { return nil }
    let near = try await last(atOrBefore: end)
    // Most are right before that place.
    let right = near - min(near, 64)
    if let found = try await event(id, after: right, to: near) { return found }
    let first = max(
      min(try await last(atOrBefore: begin), right), near - min(near, Self.sameMillisecond))
    if let found = try await event(id, after: first, to: right) { return found }
    if let found = try await event(id, after: first - min(first, slack), to: first) {
      return found
    }
    return try await event(id, after: near, to: near &+ slack)
  }

  private func event(
    _ id: EventID, after begin: UInt64, to end: UInt64
  ) async throws -> EventRecord? {
    var after = begin
    while after < end {
      try Task.checkCancellation()
      let page = try await store.records(after: after, limit: Int(min(500, end - after)))
      if let found = page.first(where: { $0.id == id }) { return found }
      guard let last = page.last else { return nil }
      after = last.position.sequenceNumber
    }
    return nil
  }

  /// The sequence number of the last event that was appended at a time or before, by bisection; near it where the clock stepped.
  private func last(atOrBefore time: Timestamp) async throws -> UInt64 {
    var (low, high) = (UInt64(0), try await store.head())
    while low < high {
      let middle = low + (high - low + 1) / 2
      guard
        let record = try await store.records(of: .store, after: middle - 1, limit: 1, bytes: 1)
          .first
      else { return low }
      if record.time <= time { low = middle } else { high = middle - 1 }
    }
    return low
  }
}
