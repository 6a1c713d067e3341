/// A store in which streams can be looked for: by the beginning of their ids, and by their newest events.
package protocol StreamList: StoreLog {
  /// The streams that have events, in the order of their ids' bytes.
  /// - Parameters:
  ///   - id: no stream before it; need not be one.
  ///   - limit: at most so many.
  func streams(from id: String, limit: Int) async throws(EventStoreError) -> [StreamHead]

  /// Those of some streams that have events, in any order.
  func streams(named ids: [String]) async throws(EventStoreError) -> [StreamHead]

  /// The events whose sequence numbers are in a range, the newest first, without payloads. Removals and erased events are left out.
  func events(
    in range: ClosedRange<UInt64>, _ filter: EventFilter
  ) async throws(EventStoreError) -> [EventHead]
}

/// Which events a look through a store finds, and what it reads of them.
package struct EventFilter: Sendable, Hashable {
  /// Only those of this type.
  package var type: String?
  /// Only those that are the last of their streams.
  package var isLast = false
  /// Whether correlation ids are read.
  package var readsCorrelation = false

  package init(type: String? = nil, isLast: Bool = false, readsCorrelation: Bool = false) {
    self.type = type
    self.isLast = isLast
    self.readsCorrelation = readsCorrelation
  }
}

/// What lists show of an event.
package struct EventHead: Sendable, Hashable {
  package var streamID: String
  package var sequenceNumber: UInt64
  package var version: Version
  package var type: String
  package var time: Timestamp
  /// Where it was asked for.
  package var correlationID: String?

  package init(
    streamID: String, sequenceNumber: UInt64, version: Version, type: String, time: Timestamp,
    correlationID: String? = nil
  ) {
    self.streamID = streamID
    self.sequenceNumber = sequenceNumber
    self.version = version
    self.type = type
    self.time = time
    self.correlationID = correlationID
  }
}

/// What lists show of a stream.
package struct StreamHead: Sendable, Hashable {
  package var streamID: String
  package var partition: Partition
  /// Of the payloads of its events.
  package var bytes: UInt64
  package var last: EventHead

  package init(streamID: String, partition: Partition, bytes: UInt64, last: EventHead) {
    self.streamID = streamID
    self.partition = partition
    self.bytes = bytes
    self.last = last
  }
}

extension StreamList {
  /// The sequence number of the last event that was appended at a time or before, found by bisection: exact where the writer's clock
  /// did not step.
  package func sequenceNumber(near time: Timestamp) async throws(EventStoreError) -> UInt64 {
    var (low, high) = (UInt64(0), try await head())
    while low < high {
      let middle = low + (high - low + 1) / 2
      guard let record = try await records(of: .store, after: middle - 1, limit: 1, bytes: 1).first
      else { return low }
      if record.time <= time { low = middle } else { high = middle - 1 }
    }
    return low
  }
}
