/// What a request came to.
package enum StoreOutcome: Sendable {
  /// Events were added, or a removal; the last entry is here.
  case added(EventPosition)
  /// No event was added. For an append with an idempotency key: the stream's last event is here, if anywhere.
  case unchanged(EventPosition?)
  /// An earlier append had the same idempotency key; after it, the stream's last event was here, if anywhere.
  case repeated(EventPosition?)
}

/// Something that the writer does in a transaction.
package struct StoreRequest: Sendable {
  package enum Kind: Sendable {
    /// Without a key there is at least one event.
    case append(streamID: String, expecting: ExpectedVersion, EncodedEvents, key: StoredKey? = nil)
    case remove(streamID: String, expecting: ExpectedVersion)
    case snapshot(streamID: String, Snapshot)
    /// Nothing is left of streams that were removed up to a sequence number.
    case erased(through: UInt64)
    /// All events up to this one have been acknowledged by the bus.
    case published(UInt64)
    /// The same, and how far each partition is.
    case progress(PublishedProgress)
    /// No event changes: only whether the store can be written is of interest.
    case probe
  }

  package var kind: Kind
  /// Gets the outcome once it is durable.
  package var completion: @Sendable (Result<StoreOutcome, EventStoreError>) -> Void

  /// Whether it removes a stream.
  package var isRemoval: Bool {
    if case .remove = kind { return true }
    return false
  }

  package init(
    kind: Kind, completion: @escaping @Sendable (Result<StoreOutcome, EventStoreError>) -> Void
  ) {
    self.kind = kind
    self.completion = completion
  }

  package var weight: Int {
    // A key alone takes a row, too.
    if case .append(_, _, let events, _) = kind { return max(events.count, 1) }
    return 0
  }
}

extension StoreRequest.Kind {
  /// What comes of it where `submit` takes it; the events of an append are checked meanwhile, by whoever waits.
  package func carriedOut(
    by submit: (StoreRequest) -> Void
  ) async throws(EventStoreError) -> StoreOutcome {
    var check: AppendCheck?
    if case .append(_, _, let events, _) = self { check = events.check }
    let result = await withCheckedContinuation { [check] continuation in
      submit(StoreRequest(kind: self) { continuation.resume(returning: $0) })
      check?.run()
    }
    return try result.get()
  }
}
