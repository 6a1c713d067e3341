import Eventually

/// Finds events in a store by their ids, for which there is no index: an id has the millisecond of the append.
struct EventFinder: Sendable {
  let store: any StoreLog
  /// The writer's clock may have stepped by as many events.
  static let slack: UInt64 = 2_000

  /// An event by its id; `nil` where there is none, or it is not near its time.
  func event(_ id: EventID) async throws -> EventRecord? {
    let milliseconds = Int64(id.high >> 16)
    guard let time = Timestamp(exactly: (milliseconds + 1) * 1_000 - 1) else { return nil }
    let near = try await last(atOrBefore: time)
    // Most are right before that place.
    for (begin, end) in [
      (near - min(near, 64), near), (near - min(near, Self.slack), near - min(near, 64)),
      (near, near &+ Self.slack),
    ] {
      var after = begin
      while after < end {
        try Task.checkCancellation()
        let page = try await store.records(after: after, limit: Int(min(500, end - after)))
        if let found = page.first(where: { $0.id == id }) { return found }
        guard let last = page.last else { break }
        after = last.position.sequenceNumber
      }
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
