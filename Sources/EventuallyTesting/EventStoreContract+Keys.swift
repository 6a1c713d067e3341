import Eventually

/// What a store must do with idempotency keys.
extension EventStoreContract {
  var keyChecks: [ContractCheck] {
    [
      check("a request with a key is carried out once, whatever it expects", once),
      check("a key with another request is refused, and tells of the first", otherRequest),
      check("keys are told apart by streams, bytes and kinds", distinctKeys),
      check("a request without events is carried out once, too", withoutEvents),
      check("of a request that is refused no key is kept", refusedRequest),
      check("of numbered requests, only those with rising numbers are carried out", numbered),
      check("of many requests at once with the same key, one is carried out", keyRace),
      check("a removed stream has no keys", removedKeys),
      check("what can't be a key is refused", invalidKeys),
    ]
  }

  private func count(_ store: Store) async throws -> Int { try await entries(store).count }

  /// Sends a request that was carried out before.
  private func repeated(
    _ store: Store, _ key: IdempotencyKey, _ stream: Int, _ number: Int = 99,
    expecting: ExpectedVersion = .any, is first: IdempotentResult
  ) async throws {
    let before = try await count(store)
    let events = [event(number), event(number + 1)]
    let again = try await store.append(
      events, to: streamID(stream), expecting: expecting, idempotencyKey: key)
    try require(
      again == IdempotentResult(last: first.last, isRepetition: true),
      "the repetition of \(key) came to \(again), after \(first)")
    let found = try await store.result(of: key, on: streamID(stream))
    try require(found == again, "looked up, \(key) came to \(String(describing: found))")
    let after = try await count(store)
    try require(after == before, "the repetition of \(key) appended something")
  }

  @Sendable private func once(_ store: Store) async throws {
    let key = IdempotencyKey("k")
    let nothing = try await store.result(of: key, on: streamID(1))
    try require(nothing == nil, "there is a result before the first request")
    let first = try await store.append(
      [event(1), event(2)], to: streamID(1), expecting: .exact(0), idempotencyKey: key)
    try require(
      !first.isRepetition && first.version == 2 && first.last?.sequenceNumber == 2, "\(first)")
    // At another version than it expects, and with other events: the state may have led to those.
    try await repeated(store, key, 1, expecting: .exact(0), is: first)
    _ = try await store.append([event(3)], to: streamID(1), expecting: .exact(2))
    try await repeated(store, key, 1, expecting: .exact(0), is: first)
    try await repeated(store, key, 1, expecting: .exact(7), is: first)
    let found = try await events(store, 1).map(\.event)
    try require(found == (1...3).map(event), "the stream has \(found)")
  }

  @Sendable private func otherRequest(_ store: Store) async throws {
    func key(_ byte: UInt8?) -> IdempotencyKey {
      IdempotencyKey("k", request: byte.map { RequestFingerprint([$0]) })
    }
    let first = try await store.append(
      [event(1)], to: streamID(1), expecting: .any, idempotencyKey: key(1))
    func refused(_ body: () async throws -> Void) async throws {
      do {
        try await body()
      } catch EventStoreError.keyReused(let refusal) {
        try require(
          refusal.first == first.last && refusal.key == key(2), "the refusal says \(refusal)")
        return
      }
      throw ScenarioFailure("another request with the key was not refused")
    }
    try await refused {
      _ = try await store.append(
        [event(1)], to: streamID(1), expecting: .any, idempotencyKey: key(2))
    }
    try await refused { _ = try await store.result(of: key(2), on: streamID(1)) }
    let entries = try await count(store)
    try require(entries == 1, "the refused request appended something")
    try await repeated(store, key(1), 1, is: first)
    // Nobody asks what it is.
    try await repeated(store, key(nil), 1, is: first)
  }

  @Sendable private func distinctKeys(_ store: Store) async throws {
    let keys =
      (Self.alike + ["k", "K", "k 1"]).map { IdempotencyKey($0) } + [
        .numbered(sender: "k", number: 1), .numbered(sender: "K", number: 1),
      ]
    var results: [(stream: Int, key: IdempotencyKey, result: IdempotentResult)] = []
    for stream in 1...2 {
      for key in keys {
        let result = try await store.append(
          [event(stream)], to: streamID(stream), expecting: .any, idempotencyKey: key)
        try require(!result.isRepetition, "\(key) was taken for another key")
        results.append((stream, key, result))
      }
    }
    for (stream, key, result) in results { try await repeated(store, key, stream, is: result) }
  }

  @Sendable private func withoutEvents(_ store: Store) async throws {
    let (early, late) = (IdempotencyKey("early"), IdempotencyKey("late"))
    let nowhere = try await store.append(
      [], to: streamID(1), expecting: .exact(0), idempotencyKey: early)
    try require(nowhere == IdempotentResult(last: nil, isRepetition: false), "\(nowhere)")
    try await repeated(store, early, 1, is: nowhere)
    let appended = try await store.append([event(1)], to: streamID(1), expecting: .exact(0))
    let somewhere = try await store.append(
      [], to: streamID(1), expecting: .exact(1), idempotencyKey: late)
    try require(
      somewhere == IdempotentResult(last: appended.last, isRepetition: false), "\(somewhere)")
    _ = try await store.append([event(2)], to: streamID(1), expecting: .exact(1))
    try await repeated(store, early, 1, is: nowhere)
    try await repeated(store, late, 1, is: somewhere)
  }

  @Sendable private func refusedRequest(_ store: Store) async throws {
    let key = IdempotencyKey("k")
    for events in [[event(1)], []] {
      do {
        _ = try await store.append(
          events, to: streamID(1), expecting: .exact(1), idempotencyKey: key)
        throw ScenarioFailure("an append to a new stream passed that expected version 1")
      } catch EventStoreError.conflict {}
    }
    let nothing = try await store.result(of: key, on: streamID(1))
    try require(nothing == nil, "the key was kept")
    let first = try await store.append(
      [event(1)], to: streamID(1), expecting: .exact(0), idempotencyKey: key)
    try require(first.version == 1 && !first.isRepetition, "\(first)")
  }

  @Sendable private func numbered(_ store: Store) async throws {
    func key(_ number: UInt64, _ byte: UInt8 = 0) -> IdempotencyKey {
      .numbered(sender: "s", number: number, request: RequestFingerprint([byte]))
    }
    var highest: IdempotentResult?
    for number: UInt64 in [0, 1, 2, 17, 1 << 62] {
      let result = try await store.append(
        [event(1)], to: streamID(1), expecting: .any, idempotencyKey: key(number))
      try require(!result.isRepetition, "the request \(number) was taken for a repetition")
      try await repeated(store, key(number), 1, is: result)
      if number > 0 { try await repeated(store, key(number - 1, 1), 1, is: result) }
      highest = result
    }
    do {
      _ = try await store.append(
        [event(1)], to: streamID(1), expecting: .any, idempotencyKey: key(1 << 62, 1))
      throw ScenarioFailure("another request with the highest number was not refused")
    } catch EventStoreError.keyReused(let refusal) {
      try require(refusal.first == highest?.last, "the refusal says \(refusal)")
    }
    let other = try await store.append(
      [event(1)], to: streamID(1), expecting: .any,
      idempotencyKey: .numbered(sender: "t", number: 3))
    try require(!other.isRepetition, "a sender's number was taken for another one's")
  }

  @Sendable private func keyRace(_ store: Store) async throws {
    for round in 0..<20 {
      let key = IdempotencyKey("k \(round)")
      let results = try await withThrowingTaskGroup(of: IdempotentResult.self) { group in
        for caller in 0..<8 {
          group.addTask {
            try await store.append(
              [event(caller), event(caller)], to: streamID(1),
              expecting: .exact(Version(round * 2)), idempotencyKey: key)
          }
        }
        return try await group.reduce(into: []) { $0.append($1) }
      }
      let first = results.filter { !$0.isRepetition }
      try require(first.count == 1, "\(first.count) of 8 were carried out")
      try require(
        results.allSatisfy { $0.last == first[0].last && $0.version == Version(round * 2 + 2) },
        "they were told \(results)")
    }
    let entries = try await count(store)
    try require(entries == 40, "the store has \(entries) entries, not 40")
  }

  @Sendable private func removedKeys(_ store: Store) async throws {
    let keys = [IdempotencyKey("k"), .numbered(sender: "s", number: 5)]
    for round in 1...2 {
      for key in keys {
        let result = try await store.append(
          [event(1)], to: streamID(1), expecting: .any, idempotencyKey: key)
        try require(!result.isRepetition, "\(key) was known in round \(round)")
      }
      // A stream without events has keys, too.
      for key in keys {
        let result = try await store.append(
          [], to: streamID(2), expecting: .any, idempotencyKey: key)
        try require(!result.isRepetition, "\(key) was known in round \(round)")
      }
      _ = try await store.remove(streamID(1))
      let removal = try await store.remove(streamID(2))
      try require(removal == nil, "a stream without events was removed")
      for key in keys {
        for stream in 1...2 {
          let found = try await store.result(of: key, on: streamID(stream))
          try require(found == nil, "\(key) is known after the removal")
        }
      }
    }
  }

  @Sendable private func invalidKeys(_ store: Store) async throws {
    let longest = String(repeating: "k", count: 255)
    for key in [
      IdempotencyKey(""), IdempotencyKey(longest + "k"), .numbered(sender: "", number: 1),
      .numbered(sender: "s", number: 1 << 62 + 1), IdempotencyKey(longest.dropLast() + "ä"),
      IdempotencyKey("a\u{0}b"), .numbered(sender: "\u{0}", number: 1),
    ] {
      do {
        _ = try await store.append(
          [event(1)], to: streamID(1), expecting: .any, idempotencyKey: key)
        throw ScenarioFailure("it passed: \(key)")
      } catch EventStoreError.invalid {}
    }
    let first = try await store.append(
      [event(1)], to: streamID(1), expecting: .any, idempotencyKey: IdempotencyKey(longest))
    try await repeated(store, IdempotencyKey(longest), 1, is: first)
  }
}
