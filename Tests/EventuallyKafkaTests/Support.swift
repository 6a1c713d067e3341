import Eventually
import Foundation
import Logging

@testable import EventuallyKafka

/// Events that are plain text; an event `undecodable` can be written but not read.
struct TextCodec: EventCodec {
  let contentType = "text/plain"

  func type(of event: String) -> String { "Text" }

  func encode(_ event: String, into bytes: inout [UInt8]) {
    bytes.append(contentsOf: event.utf8)
  }

  func decode(type: String, payload: Span<UInt8>) throws -> String {
    guard type == "Text" else { throw UnknownEventType(type: type) }
    return payload.withUnsafeBufferPointer { String(decoding: $0, as: UTF8.self) }
  }
}

/// A store in memory, as a relay and a feed see it.
final class MemoryOutbox: Outbox, EventFeed {
  let storeID: String
  let partitionCount: Partition
  let head = PositionSignal(at: 0)
  private let state = Locked((records: [EventRecord](), published: UInt64(0), feedCalls: 0))
  private let decisions = Locked((skipped: Set<[UInt64]>(), progress: PublishedProgress?.none))

  init(partitions: Partition, storeID: String = UUID().uuidString.lowercased()) {
    partitionCount = partitions
    self.storeID = storeID
  }

  /// The same store as it was when it had only so many events.
  func restored(to count: Int) -> MemoryOutbox {
    let copy = MemoryOutbox(partitions: partitionCount, storeID: storeID)
    let records = records(after: 0, limit: count)
    copy.state.withLock { $0.records = records }
    copy.head.advance(to: UInt64(count))
    return copy
  }

  var feedCalls: Int { state.withLock { $0.feedCalls } }

  /// Appends so many events, to streams in turn.
  func append(
    _ count: Int, streams: Int = 10, of category: StreamCategory = .unnamed,
    metadata: EventMetadata = EventMetadata()
  ) {
    let end = state.withLock { state in
      for _ in 0..<count {
        let sequence = UInt64(state.records.count) + 1
        let stream = category.streamName(of: "stream-\(sequence % UInt64(streams))")
        let partition = Partitioner(count: partitionCount).partition(of: stream)
        let before = state.records.count { $0.position.partition == partition }
        let version = state.records.count { $0.streamID == stream } + 1
        state.records.append(
          EventRecord(
            id: EventID(time: .now()), type: "Text", streamID: stream,
            position: EventPosition(
              partition: partition, partitionOffset: UInt64(before) + 1,
              sequenceNumber: sequence, version: UInt64(version)),
            time: .now(), payload: Array("event \(sequence)".utf8), metadata: metadata))
      }
      return UInt64(state.records.count)
    }
    head.advance(to: end)
  }

  /// Removes a stream: its events are erased, and the last record says so.
  func remove(_ stream: String) {
    let end = state.withLock { state in
      for index in state.records.indices where state.records[index].streamID == stream {
        state.records[index].type = EventRecord.erasedType
        state.records[index].payload = []
      }
      let sequence = UInt64(state.records.count) + 1
      let partition = Partitioner(count: partitionCount).partition(of: stream)
      let before = state.records.count { $0.position.partition == partition }
      state.records.append(
        EventRecord(
          id: EventID(time: .now()), type: EventRecord.removedType, streamID: stream,
          position: EventPosition(
            partition: partition, partitionOffset: UInt64(before) + 1, sequenceNumber: sequence,
            version: 0), time: .now(), payload: []))
      return sequence
    }
    head.advance(to: end)
  }

  func records(after sequenceNumber: UInt64, limit: Int) -> [EventRecord] {
    state.withLock { Array($0.records.dropFirst(Int(sequenceNumber)).prefix(limit)) }
  }

  func records(partition: Partition, after position: UInt64, limit: Int) -> [EventRecord] {
    state.withLock { state in
      state.feedCalls += 1
      return Array(
        state.records.lazy.filter {
          $0.position.partition == partition && $0.position.partitionOffset > position
        }.prefix(limit))
    }
  }

  func heads() -> [UInt64] { heads(at: .max) }

  func heads(at sequenceNumber: UInt64) -> [UInt64] {
    state.withLock { state in
      (0..<partitionCount).map { partition in
        let held = state.records.prefix(Int(clamping: sequenceNumber))
        return UInt64(held.count { $0.position.partition == partition })
      }
    }
  }

  func published() -> UInt64 { state.withLock { $0.published } }
  func markPublished(_ sequenceNumber: UInt64) {
    state.withLock { $0.published = sequenceNumber }
  }

  /// What was noted last of each partition.
  var noted: PublishedProgress? { decisions.withLock { $0.progress } }
  func publishedProgress() -> PublishedProgress? { noted }
  func markPublished(_ progress: PublishedProgress) {
    markPublished(progress.through)
    decisions.withLock { $0.progress = progress.partitions.isEmpty ? nil : progress }
  }
  /// As an administrator decides.
  func skip(_ partition: Partition, _ offset: UInt64) {
    decisions.withLock { _ = $0.skipped.insert([UInt64(partition), offset]) }
  }
  func isSkipped(partition: Partition, offset: UInt64) -> Bool {
    decisions.withLock { $0.skipped.contains([UInt64(partition), offset]) }
  }
}

/// A read model in memory that only remembers which events came, and guards its checkpoints as a database
/// does.
final class MemoryReadModel: ReadModelStore {
  typealias Event = String
  private struct State {
    var leases: [Partition: PartitionLease] = [:]
    var events: [Partition: [UInt64]] = [:]
    var count = 0
    var rejected: [RejectedRecord] = []
    var forged: [Partition: UInt64] = [:]
    var largest = 0
    var metadata: [EventMetadata] = []
    var removed: [String] = []
    var streams: [String] = []
  }
  private let state = Locked(State())
  /// How many events the largest transaction had.
  var largest: Int { state.withLock { $0.largest } }
  /// The streams whose removals were applied.
  var removed: [String] { state.withLock { $0.removed } }
  /// The streams of the events that were applied, in that order.
  var streams: [String] { state.withLock { $0.streams } }
  /// The metadata of the events that were applied, in that order.
  var metadata: [EventMetadata] { state.withLock { $0.metadata } }
  let applied = PositionSignal(at: 0)

  /// The partition sequences that were applied, in the order in which they were.
  var events: [Partition: [UInt64]] { state.withLock { $0.events } }
  /// Forgets where the bus holds what comes next.
  func forgetOffsets() {
    state.withLock { state in
      for partition in state.leases.keys { state.leases[partition]?.offsetHint = nil }
    }
  }
  func setOffset(_ offset: Int64) {
    state.withLock { state in
      for partition in state.leases.keys { state.leases[partition]?.offsetHint = offset }
    }
  }

  func claim(_ partitions: [Partition], owner: String) -> [PartitionLease] {
    state.withLock { state in
      partitions.map { partition in
        var lease =
          state.leases[partition]
          ?? PartitionLease(partition: partition, epoch: 0, position: nil, offsetHint: nil)
        lease.epoch += 1
        state.leases[partition] = lease
        return lease
      }
    }
  }

  func keep(_ records: [RejectedRecord]) {
    state.withLock { $0.rejected += records }
  }

  func markForged(_ partition: Partition, at position: UInt64) {
    state.withLock { state in
      if state.forged[partition] == nil { state.forged[partition] = position }
      state.leases[partition]?.forgedPosition = state.forged[partition]
    }
  }

  /// Where forged events were applied.
  var forged: [Partition: UInt64] { state.withLock { $0.forged } }

  func setLease(_ lease: PartitionLease) {
    state.withLock { $0.leases[lease.partition] = lease }
  }

  /// What was kept without being applied.
  var rejected: [RejectedRecord] { state.withLock { $0.rejected } }

  func apply(_ deliveries: [Delivery<String>], parking: [ProjectionFailure]) -> ApplyOutcome {
    let (fenced, count) = state.withLock { state -> ([PartitionLease], Int) in
      var fenced: [PartitionLease] = []
      state.largest = max(state.largest, deliveries.reduce(0) { $0 + $1.entries.count })
      for delivery in deliveries {
        guard var lease = state.leases[delivery.partition], lease.epoch == delivery.epoch,
          lease.position == delivery.after
        else {
          fenced.append(
            PartitionLease(
              partition: delivery.partition, epoch: delivery.epoch, position: nil,
              offsetHint: nil))
          continue
        }
        lease.position = delivery.lastPosition
        lease.offsetHint = delivery.nextOffset
        lease.eventID = delivery.entries.last?.eventID
        state.leases[delivery.partition] = lease
        state.events[delivery.partition, default: []] += delivery.entries.map {
          $0.position.partitionOffset
        }
        for entry in delivery.entries {
          switch entry {
          case .event(let persisted):
            state.metadata.append(persisted.metadata)
            state.streams.append(persisted.streamID)
          case .removed(let stream, _, _): state.removed.append(stream)
          case .erased, .other, .unreadable: break
          }
        }
        state.count += delivery.entries.count
      }
      return (fenced, state.count)
    }
    applied.advance(to: UInt64(count))
    return ApplyOutcome(fenced: fenced)
  }
}

func uniqueName(_ prefix: String) -> String {
  "\(prefix)-\(UUID().uuidString.prefix(8).lowercased())"
}

let testLogger: Logger = {
  var logger = Logger(label: "test")
  logger.logLevel = .error
  return logger
}()

/// What a test waited for did not happen.
struct NotInTime: Error, CustomStringConvertible {
  var description: String
}

/// Runs `body`; throws with what `seen` tells where it takes too long.
func within(
  _ limit: Duration, seen: @escaping @Sendable () -> String,
  _ body: @escaping @Sendable () async throws -> Void
) async throws {
  try await withThrowingTaskGroup(of: Void.self) { group in
    group.addTask { try await body() }
    group.addTask {
      try await Task.sleep(for: limit)
      throw NotInTime(description: "not within \(limit); saw \(seen())")
    }
    defer { group.cancelAll() }
    try await group.next()
  }
}

/// Keeps the messages that are logged.
struct LogLines: LogHandler {
  var metadata: Logger.Metadata = [:]
  var logLevel = Logger.Level.trace
  private let lines = Shared()
  private final class Shared: Sendable {
    let text = Locked("")
  }
  var text: String { lines.text.withLock { $0 } }
  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }
  func log(event: LogEvent) { lines.text.withLock { $0 += "\(event.message)\n" } }
}
