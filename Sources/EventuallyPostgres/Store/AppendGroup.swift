import Eventually

/// A group of appends as `append_group` takes them, and what it answers.
struct AppendGroup {
  /// An append of a group.
  struct Request: Sendable {
    var streamID: String
    var expecting: ExpectedVersion
    var events: EncodedEvents
    var key: StoredKey?
  }

  let requests: [Request]
  let partitioner: Partitioner
  let streamLimit: StreamLimit

  /// - Parameter ids: makes the ids of so many events.
  func statement(
    at time: Timestamp, keyLifetime: Duration?, ids: (Int) -> EventID
  ) -> PostgresStatement {
    var (partitions, rounds, counts): ([Int32], [Int32], [Int32]) = ([], [], [])
    var (expected, numbers, fingerprints, sizes): ([Int64?], [Int64?], [Int64?], [Int64?]) =
      ([], [], [], [])
    var (keys, metadata): ([ArraySlice<UInt8>?], [ArraySlice<UInt8>?]) = ([], [])
    var events = Events()
    // Of several requests to one stream each is decided after the one before it.
    var earlier: [ByteKey: Int32] = [:]
    for (index, request) in requests.enumerated() {
      let name = ByteKey(request.streamID)
      let round = earlier[name, default: 0]
      earlier[name] = round + 1
      rounds.append(round)
      partitions.append(partitioner.partition(of: request.streamID))
      if case .exact(let version) = request.expecting {
        expected.append(Int64(clamping: version))
      } else {
        expected.append(nil)
      }
      counts.append(Int32(clamping: request.events.count))
      keys.append(request.key?.digest[...])
      numbers.append(request.key?.key.number.map { Int64(clamping: $0) })
      fingerprints.append(request.key?.request)
      metadata.append(request.events.metadata.isEmpty ? nil : request.events.metadata[...])
      sizes.append(Int64(clamping: request.events.bytes))
      events.add(request.events, of: Int32(clamping: index + 1), ids: ids)
    }
    return PostgresStatement(
      Self.text, .texts(requests.map(\.streamID)), .int4s(partitions), .int8s(expected),
      .int4s(counts), .int4s(rounds), .byteas(keys), .int8s(numbers), .int8s(fingerprints),
      .byteas(metadata), .int8s(sizes), .int4s(events.requests), .int4s(events.places),
      .int8s(events.sizes), .texts(events.types), .uuids(events.ids), .byteas(events.payloads),
      .timestamp(time), .int8(Int64(clamping: streamLimit.events)),
      .int8(Int64(clamping: streamLimit.bytes)), keyLifetime.map { .interval($0) } ?? .null)
  }

  /// What is of all requests' events, one after the other.
  private struct Events {
    var (requests, places): ([Int32], [Int32]) = ([], [])
    var sizes: [Int64?] = []
    var types: [String?] = []
    var ids: [EventID] = []
    var payloads: [ArraySlice<UInt8>?] = []

    mutating func add(_ events: EncodedEvents, of request: Int32, ids next: (Int) -> EventID) {
      guard events.count > 0 else { return }
      var id = next(events.count)
      var start = 0
      for index in 0..<events.count {
        let end = events.ends[index]
        requests.append(request)
        places.append(Int32(clamping: index + 1))
        sizes.append(Int64(end))
        types.append(events.types[index])
        ids.append(id)
        payloads.append(events.payloads[start..<end])
        id = id.successor
        start = end
      }
    }
  }

  private static let text = """
    SELECT request, outcome, version, sequence, partition_offset, events, bytes
    FROM append_group($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18,
      $19, $20)
    """

  /// What a request came to, and its stream's size after it, where it was added.
  struct Answer {
    var result: Result<StoreOutcome, EventStoreError>
    var bytes: UInt64?
  }

  /// - Returns: an answer for each request.
  /// - Throws: ``StoreDamage``, ``PostgresError`` where the function answers what it does not answer.
  func answers(_ rows: PostgresRows) throws -> [Answer] {
    var answers = [Answer?](repeating: nil, count: requests.count)
    for row in 0..<rows.count {
      let index = Int(try rows.integer(row, 0)) - 1
      guard answers.indices.contains(index), answers[index] == nil else {
        throw StoreDamage("append_group answers a request that it was not asked")
      }
      answers[index] = try answer(rows, row, requests[index])
    }
    return try answers.map { answer in
      guard let answer else { throw StoreDamage("append_group leaves a request unanswered") }
      return answer
    }
  }

  private func answer(_ rows: PostgresRows, _ row: Int, _ request: Request) throws -> Answer {
    let version = rows.isNull(row, 2) ? 0 : try rows.unsigned(row, 2)
    var last: EventPosition?
    if !rows.isNull(row, 3) {
      last = EventPosition(
        partition: partitioner.partition(of: request.streamID),
        partitionOffset: try rows.unsigned(row, 4), sequenceNumber: try rows.unsigned(row, 3),
        version: version)
    }
    switch (try rows.text(row, 1), last) {
    case ("a", let last?):
      return Answer(result: .success(.added(last)), bytes: try rows.unsigned(row, 6))
    case ("u", _): return Answer(result: .success(.unchanged(last)))
    case ("r", _): return Answer(result: .success(.repeated(last)))
    case ("c", _):
      var expected = version
      if case .exact(let asked) = request.expecting { expected = asked }
      return Answer(
        result: .failure(
          .conflict(
            VersionConflict(streamID: request.streamID, expected: expected, actual: version))))
    case ("k", _):
      guard let key = request.key else { break }
      return Answer(
        result: .failure(
          .keyReused(KeyReused(streamID: request.streamID, key: key.key, first: last))))
    case ("l", _):
      return Answer(
        result: .failure(
          .streamTooLarge(
            StreamTooLarge(
              streamID: request.streamID, events: try rows.unsigned(row, 5),
              bytes: try rows.unsigned(row, 6), limit: streamLimit))))
    default: break
    }
    throw StoreDamage("append_group answers '\(try rows.text(row, 1))'")
  }
}
