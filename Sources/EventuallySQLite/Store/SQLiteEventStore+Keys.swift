public import Eventually

extension SQLiteEventStore {
  /// Appends events, unless an earlier request to the stream had the same key; durable when it returns.
  ///
  /// The store keeps a digest of the key, and not the key: about 50 bytes of its file.
  public func append(
    _ events: [Event], to streamID: String, expecting: ExpectedVersion,
    idempotencyKey: IdempotencyKey
  ) async throws(EventStoreError) -> IdempotentResult {
    let (name, key) = try stored(idempotencyKey, on: streamID)
    do throws(EventStoreError) {
      switch try await append(events, to: name, expecting: expecting, key: key) {
      case .added(let last): return IdempotentResult(last: last, isRepetition: false)
      case .unchanged(let last): return IdempotentResult(last: last, isRepetition: false)
      case .repeated(let last): return IdempotentResult(last: last, isRepetition: true)
      }
    } catch {
      // Events are encoded before the key is looked up: a repetition's may be none that can be.
      if error.isOfEvents, let first = try await result(of: key, named: name) { return first }
      throw error
    }
  }

  /// What came of the request to a stream that had a key.
  public func result(
    of idempotencyKey: IdempotencyKey, on streamID: String
  ) async throws(EventStoreError) -> IdempotentResult? {
    let (name, key) = try stored(idempotencyKey, on: streamID)
    return try await result(of: key, named: name)
  }

  private func stored(
    _ key: IdempotencyKey, on streamID: String
  ) throws(EventStoreError) -> (name: String, StoredKey) {
    let name = try names.name(of: streamID)
    try key.check()
    return (name, StoredKey(key, of: name))
  }

  private func result(
    of key: StoredKey, named name: String
  ) async throws(EventStoreError) -> IdempotentResult? {
    guard let recorded = try await log.recorded(key, of: name) else { return nil }
    switch recorded.verdict(
      number: key.key.number, request: key.request, now: shared.clock(),
      lifetime: shared.writer.keyLifetime)
    {
    case .new: return nil
    case .repetition:
      shared.keyMetrics.repeated()
      return IdempotentResult(last: recorded.last, isRepetition: true)
    case .otherRequest:
      shared.keyMetrics.reused()
      throw .keyReused(KeyReused(streamID: name, key: key.key, first: recorded.last))
    }
  }
}

extension EventStoreError {
  /// Whether it is about the events alone, whatever the store holds.
  fileprivate var isOfEvents: Bool {
    switch self {
    case .invalid, .unreadable, .recordTooLarge: true
    default: false
    }
  }
}
