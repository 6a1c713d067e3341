import Eventually

/// Finds out how far each partition of a topic already holds a store's events, by reading its end and holding what claims
/// to be the store's against the store.
struct TopicTail<Source: Outbox> {
  let source: Source
  let preparation: PublisherPreparation
  var limits = TailLimits()
  /// Whether the store may have published events that it does not have any more. Then what claims to be its event, and is behind
  /// all that is known to be published, counts as such an event, though anybody may have written it.
  var mayHaveGoneBack = false

  /// What was found.
  struct Outcome {
    var tails: [PartitionTail]
    /// The store that records without an event of this one are of.
    var otherStore: String?
    /// The first reason for which a record was passed over.
    var reason: String?
    /// Partitions whose end can't be read, and why.
    var unreadable: [Partition: String] = [:]
    /// Which partitions can't be published to.
    var conflicts: [Partition: PartitionTail.Conflict] = [:]
  }

  /// What is known of one partition while its end is read.
  private struct Search {
    let offsets: Range<Int64>
    /// How many offsets the next window has.
    var window: Int64 = 32
    /// The offset before which nothing has been read.
    var start: Int64
    var tail: PartitionTail
    var isDone: Bool

    init(_ offsets: Range<Int64>, proven: UInt64) {
      self.offsets = offsets
      start = offsets.upperBound
      tail = PartitionTail(proven: proven)
      isDone = offsets.isEmpty
    }

    var next: Range<Int64> { max(offsets.lowerBound, start - window)..<start }

    mutating func windowIsRead() {
      start = next.lowerBound
      let isWhole = start == offsets.lowerBound
      if isWhole, offsets.lowerBound > 0 { tail.passOverDeleted() }
      isDone = isWhole || tail.reachesBack
      window *= 16
    }
  }

  /// What each partition holds behind what is known to be in it.
  ///
  /// The newest record need not be the store's own, or be a record at all (a transaction's marker takes an
  /// offset too), so a window before the end is read, and a larger one before that where it does not reach back to what is
  /// known. Where that comes to the limits, reading ends: what was not found is published again. So it is with a partition of
  /// which the broker gives no more: what was read of it counts.
  /// - Parameter proven: the partition offsets up to which the topic is known to have got everything.
  /// - Throws: ``KafkaError``, or what the store throws.
  func read(behind proven: [UInt64]) async throws -> Outcome {
    let offsets = try await preparation.offsets(
      storeID: source.storeID, partitions: Partition(proven.count), limits: limits)
    var searches = proven.indices.map { Search(offsets[$0], proven: proven[$0]) }
    var outcome = Outcome(tails: [])
    while searches.contains(where: { !$0.isDone }) {
      var windows: [Partition: Range<Int64>] = [:]
      for (index, search) in searches.enumerated() where !search.isDone {
        windows[Partition(index)] = search.next
      }
      let window = try await preparation.read(windows)
      outcome.otherStore = outcome.otherStore ?? window.otherStore
      outcome.reason = outcome.reason ?? window.reason
      for (partition, count) in window.notOurs {
        for _ in 0..<count { searches[Int(partition)].tail.find(.notOurs) }
      }
      for (partition, evidence) in try await classify(window.claims, behind: proven) {
        searches[Int(partition)].tail.find(evidence)
      }
      for partition in windows.keys {
        if let reason = window.unreadable[partition] {
          outcome.unreadable[partition] = reason
          searches[Int(partition)].tail.cutShort()
          searches[Int(partition)].isDone = true
        } else if window.isCutShort {
          searches[Int(partition)].tail.cutShort()
          searches[Int(partition)].isDone = true
        } else {
          searches[Int(partition)].windowIsRead()
        }
      }
    }
    outcome.tails = searches.map(\.tail)
    // Asked for now: what was appended meanwhile may have been published by nobody.
    for (partition, head) in try await source.heads().enumerated() {
      outcome.conflicts[Partition(partition)] = outcome.tails[partition].conflict(head: head)
    }
    return outcome
  }

  /// Holds claims against the store's events, of which it reads those that are near each other at once.
  private func classify(
    _ claims: [TailClaim], behind proven: [UInt64]
  ) async throws -> [(Partition, PartitionTail.Evidence)] {
    let claims = claims.sorted { $0.position.sequenceNumber < $1.position.sequenceNumber }
    let heads = try await source.heads()
    // Another process may have appended what this one has not heard of.
    let head = heads.reduce(0, +)
    var evidence: [(Partition, PartitionTail.Evidence)] = []
    evidence.reserveCapacity(claims.count)
    var page: [EventRecord] = []
    for (index, claim) in claims.enumerated() {
      let sequence = claim.position.sequenceNumber
      var stored: EventRecord?
      if sequence <= head {
        if page.last?.position.sequenceNumber ?? 0 < sequence {
          page = try await source.records(
            after: sequence - 1, limit: Self.pageSize(claims[index...]))
        }
        if let first = page.first?.position.sequenceNumber, sequence >= first,
          sequence - first < UInt64(page.count)
        {
          stored = page[Int(sequence - first)]
        }
      }
      let isSkipped =
        claim.isPlaceholder
        ? try await source.isSkipped(
          partition: claim.position.partition, offset: claim.position.partitionOffset) : false
      evidence.append(
        (
          claim.position.partition,
          claim.classify(
            against: stored, heads: heads, sequenceNumber: head, isSkipped: isSkipped,
            mayBePublished: mayHaveGoneBack
              && claim.position.partitionOffset > proven[Int(claim.position.partition)])
        ))
    }
    return evidence
  }

  /// As many events as the claims need, up to 500, that are not further than that from the first.
  private static func pageSize(_ claims: ArraySlice<TailClaim>) -> Int {
    guard let first = claims.first?.position.sequenceNumber else { return 1 }
    let last = claims.prefix(500).last { $0.position.sequenceNumber - first < 500 }
    return Int((last?.position.sequenceNumber ?? first) - first) + 1
  }
}

/// How much of a topic's end is read. Beyond that, events are published again, which costs consumers nothing but time.
struct TailLimits {
  /// Keys and values, in all partitions together.
  var bytes = 64 << 20
  /// In all partitions together.
  var records = 200_000
  /// For all of it.
  var time = Duration.seconds(60)
  /// For how long no record may come before the broker counts as not answering.
  var silence = Duration.seconds(15)
}
