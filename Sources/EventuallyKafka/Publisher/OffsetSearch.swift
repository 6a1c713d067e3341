package import Eventually

/// Finds where a partition of the topic has an event: the events' partition offsets rise with the topic's. It reads nothing itself.
struct OffsetSearch {
  /// How many records are read where one may be no event.
  static let width: Int64 = 32

  /// What is to be read next, or what was found.
  enum Step: Equatable {
    /// The events among these offsets, in their order.
    case read(Range<Int64>)
    case found(Int64)
    /// The topic does not have it any more, or not yet.
    case missing
  }

  private let position: UInt64
  private let end: Int64
  private var low: Int64
  private var high: Int64
  private var result: Step?
  /// How many offsets before the event may still be something else than events.
  private var left = width

  /// - Parameters:
  ///   - position: the event's partition offset.
  ///   - offsets: what the topic's partition holds.
  init(_ position: UInt64, in offsets: Range<Int64>) {
    self.position = position
    (low, high, end) = (offsets.lowerBound, offsets.upperBound, offsets.upperBound)
  }

  var next: Step {
    if let result { return result }
    if low < high {
      let middle = low + (high - low) / 2
      return .read(middle..<min(middle + Self.width, end))
    }
    return low < end && left > 0 ? .read(low..<low + 1) : .missing
  }

  /// Takes the partition offsets of the events among what ``next`` asked for.
  mutating func take(_ positions: [UInt64]) {
    guard low == high else {
      let middle = low + (high - low) / 2
      // Nothing there is an event: its neighbours before are looked at.
      if let first = positions.first, first < position { low = middle + 1 } else { high = middle }
      return
    }
    if positions.contains(position) {
      result = .found(low)
    } else if let first = positions.first, first > position {
      result = .missing
    } else {
      (low, high, left) = (low + 1, low + 1, left - 1)
    }
  }
}

extension KafkaPublisher {
  /// Asks the topic where it has an event, with a consumer that is in no group; it takes a second or so.
  /// - Returns: the record's offset; `nil` where the topic does not have it any more, or it was not found in time.
  /// - Throws: ``KafkaError``, also where the broker does not answer.
  package func lookUp(
    _ position: UInt64, in partition: Partition, within limit: Duration
  ) async throws -> Int64? {
    let configuration = configuration
    let (storeID, partitionCount, logger) = (source.storeID, source.partitionCount, logger)
    return try await BlockingExecutor.run(label: "kafka.lookup") {
      var limits = TailLimits()
      (limits.time, limits.silence) = (limit, limit)
      let deadline = ContinuousClock.now + limit
      let reader = try TailReader(
        configuration, storeID: storeID, partitions: partitionCount, limits: limits,
        logger: logger)
      let offsets = try reader.offsets(partitions: partitionCount)
      guard offsets.indices.contains(Int(partition)) else { return nil }
      var search = OffsetSearch(position, in: offsets[Int(partition)])
      while ContinuousClock.now < deadline {
        switch search.next {
        case .found(let offset): return offset
        case .missing: return nil
        case .read(let range):
          let window = try reader.read([partition: range]) {}
          if window.isCutShort || !window.unreadable.isEmpty { return nil }
          search.take(window.claims.map(\.position.partitionOffset))
        }
      }
      return nil
    }
  }
}
