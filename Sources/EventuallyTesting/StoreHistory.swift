package import Eventually

/// What happens to a store of text, by a seed: all that a store can hold comes to be in it.
package struct StoreHistory: Sendable {
  /// Names that differ for a database, and are alike for people or for `==`.
  package static let names = [
    "plain", "order/1", "order/2", "order/2 ", "customer/é", "customer/e\u{301}", "customer/É",
    "😀/\u{FFFD}\u{10FFFF}", "it's/\"quoted\\", "a%b_c", String(repeating: "n", count: 512),
  ]

  private var random: SeededRandom
  private let steps: Int

  package init(seed: UInt64, steps: Int) {
    random = SeededRandom(seed: seed)
    self.steps = steps
  }

  /// Appends with and without keys and metadata, removes streams and begins them again, keeps snapshots, and at the end has an
  /// event that the bus refuses, for which a placeholder is decided on.
  package mutating func happen<Store>(in store: Store, _ log: any StoreLog) async throws
  where
    Store: EventStore<String, String>, Store: SnapshotStore<String>, Store: Outbox
  {
    for number in 0..<steps {
      let name = Self.names.randomElement(using: &random) ?? ""
      switch Int.random(in: 0..<20, using: &random) {
      case 0: _ = try await store.remove(name)
      case 1:
        let version = try await log.version(ofStream: name)
        if version > 0, let last = try await log.records(ofStream: name).last {
          try await store.save(
            Snapshot(
              version: version, sequenceNumber: last.position.sequenceNumber, schemaVersion: 1,
              payload: Array("state \(number)".utf8)), of: name)
        }
      case 2:
        _ = try await store.append(
          [], to: name, expecting: .any, idempotencyKey: IdempotencyKey("nothing \(number)"))
      default: try await append(number, to: name, in: store)
      }
    }
    _ = try await store.append(
      [String(repeating: "large ", count: 170_000), "\u{0}", ""], to: "large/1", expecting: .any)
    try await publish(store, log)
  }

  private mutating func append(
    _ number: Int, to name: String, in store: some EventStore<String, String>
  ) async throws {
    let events = (0...Int.random(in: 0..<4, using: &random)).map {
      "event \(number).\($0) of \(name)"
    }
    let metadata = [
      EventMetadata(), EventMetadata(),
      EventMetadata(correlationID: "request \(number)", traceParent: "00-\(number)-00-01"),
      EventMetadata(causationID: "é\u{0}", additional: ["user": "\(number)", "": "\u{1F600}"]),
    ].randomElement(using: &random)
    let request = RequestFingerprint([UInt8(truncatingIfNeeded: number)])
    let key: IdempotencyKey? =
      switch Int.random(in: 0..<5, using: &random) {
      case 0: IdempotencyKey("request \(number)")
      case 1: IdempotencyKey("request \(number)", request: request)
      case 2: .numbered(sender: "sender \(number % 3)", number: UInt64(number), request: request)
      default: nil
      }
    try await EventMetadata.$current.withValue(metadata ?? EventMetadata()) {
      if let key {
        _ = try await store.append(events, to: name, expecting: .any, idempotencyKey: key)
      } else {
        _ = try await store.append(events, to: name, expecting: .any)
      }
    }
  }

  private mutating func publish(_ store: some Outbox, _ log: any StoreLog) async throws {
    let head = try await log.head()
    let refused = try await log.records(of: .store, after: head - 2, limit: 1, bytes: 1)[0]
    let position = refused.position
    try await store.markPublished(
      PublishedProgress(
        through: head - 2, partitions: try await log.heads(),
        refused: [
          RefusedEvent(
            position: position, id: refused.id, streamID: refused.streamID, type: refused.type,
            size: 1_020_000, reason: "\"too large\" é",
            since: Timestamp(microseconds: 1_700_000_000_000_001))
        ]))
    _ = try await log.skip(partition: position.partition, offset: position.partitionOffset)
  }
}
