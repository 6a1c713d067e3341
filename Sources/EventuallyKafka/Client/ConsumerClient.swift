import CKafkaShim
import Dispatch
import Eventually
import Foundation
import Logging

/// What happened to a consumer's assignment.
enum AssignmentChange: Equatable {
  case assigned([Partition])
  /// `isLost` where somebody else may have the partitions already.
  case revoked([Partition], isLost: Bool)
}

/// Where to begin to consume a partition.
struct StartOffset: Equatable {
  /// The first offset that the broker holds, whichever that is: librdkafka's number for it.
  static let beginning: Int64 = -2

  var partition: Partition
  var offset: Int64
}

/// Owns a consumer of one topic.
///
/// `@unchecked Sendable`: its owner calls all of it from one thread, but for ``wake()`` and
/// ``offsets(_:of:timeout:)``, which touch nothing of it that changes, and which librdkafka allows from any.
final class ConsumerClient: @unchecked Sendable {
  private let handle: OpaquePointer
  private let log: ClientLog
  /// It is there until the client is closed.
  private let cluster: DevelopmentCluster?
  private var batch = cks_batch()

  init(
    _ configuration: KafkaConfiguration, group: String, settings: [KafkaSetting], logger: Logger
  ) throws(KafkaError) {
    let settings = try configuration.settings(
      [
        KafkaSetting("group.id", group),
        KafkaSetting("enable.auto.commit", "false"),
        KafkaSetting("enable.auto.offset.store", "false"),
        // Where the broker does not hold an offset, no longer or not yet, it begins with the first that it does hold:
        // what comes from there is told by its partition offset.
        KafkaSetting("auto.offset.reset", "earliest"),
        KafkaSetting("enable.partition.eof", "true"),
        KafkaSetting("allow.auto.create.topics", "false"),
        KafkaSetting("reconnect.backoff.max.ms", "2000"),
        // A broker that answers nothing for so long is taken for gone.
        KafkaSetting("socket.timeout.ms", "10000"),
      ] + settings)
    let log = ClientLog(logger, of: settings)
    handle = try withShimSettings(settings) { (settings) throws(KafkaError) in
      try withCStrings(WireHeader.read.map(\.rawValue)) { (names) throws(KafkaError) in
        var error = cks_error()
        guard
          let handle = cks_consumer_create(
            configuration.topic, settings.baseAddress, settings.count, names, names.count,
            ClientLog.forward, log.context, &error)
        else { throw KafkaError(error, "create a consumer") }
        return handle
      }
    }
    self.log = log
    cluster = configuration.development
  }

  deinit {
    log.end()
    cks_batch_free(&batch)
    // Where offsets are on their way to a broker that is away, librdkafka waits for them: three attempts of
    // socket.timeout.ms. Who stops does not: the rest is done meanwhile, or never, where the process ends.
    let done = DispatchSemaphore(value: 0)
    let closing = Closing(handle: handle, log: log)
    Thread.detachNewThread {
      closing.run()
      done.signal()
    }
    _ = done.wait(timeout: .now() + .seconds(5))
  }

  /// What is left of a client that leaves its group.
  ///
  /// `@unchecked Sendable`: handed from the client that ends to one thread, which is then the only one that uses the handle.
  private struct Closing: @unchecked Sendable {
    let handle: OpaquePointer
    let log: ClientLog

    func run() {
      cks_consumer_destroy(handle)
      withExtendedLifetime(log) {}
    }
  }

  /// Joins the group.
  func subscribe() throws(KafkaError) {
    var error = cks_error()
    if !cks_consumer_subscribe(handle, &error) { throw KafkaError(error, "join the group") }
  }

  /// Waits up to `timeout` milliseconds, hands each message that is there to `body`, and returns what
  /// happened to the assignment after them.
  func poll(
    timeout: Int32, limit: Int, _ body: (borrowing WireMessage) -> Void
  ) throws(KafkaError) -> AssignmentChange? {
    cks_consumer_poll(handle, timeout, limit, &batch)
    defer { cks_batch_clear(&batch) }
    for message in UnsafeBufferPointer(start: batch.messages, count: batch.count) {
      body(WireMessage(message))
    }
    let partitions = Array(
      UnsafeBufferPointer(start: batch.partitions, count: batch.partition_count))
    switch batch.change {
    case CKS_ASSIGNED: return .assigned(partitions)
    case CKS_REVOKED: return .revoked(partitions, isLost: false)
    case CKS_LOST: return .revoked(partitions, isLost: true)
    default: break
    }
    if batch.error.code != 0 { throw KafkaError(batch.error, "consume") }
    return nil
  }

  /// Ends a poll that waits. May be called from any thread.
  func wake() {
    cks_consumer_wake(handle)
  }

  /// Consumes these partitions, and no others.
  func assign(_ starts: [StartOffset]) throws(KafkaError) {
    var error = cks_error()
    let partitions = starts.map(\.partition)
    let offsets = starts.map(\.offset)
    if !cks_consumer_assign(handle, partitions, offsets, starts.count, &error) {
      throw KafkaError(error, "assign partitions")
    }
  }

  /// Consumes partitions that are being consumed from other offsets; returns at once.
  /// - Returns: the partitions that can't be moved at the moment: try again.
  func seek(_ starts: [StartOffset]) throws(KafkaError) -> [Partition] {
    var error = cks_error()
    var done = [Bool](repeating: false, count: starts.count)
    let moved = cks_consumer_seek(
      handle, starts.map(\.partition), starts.map(\.offset), starts.count, &done, &error)
    if !moved {
      let error = KafkaError(error, "seek")
      guard error.isRetriable else { throw error }
    }
    return zip(starts, done).filter { !$0.1 }.map(\.0.partition)
  }

  /// Consumes nothing until the next assignment.
  func unassign() throws(KafkaError) {
    var error = cks_error()
    if !cks_consumer_unassign(handle, &error) { throw KafkaError(error, "unassign partitions") }
  }

  /// Commits offsets to the group, for others to see.
  func commit(_ offsets: [StartOffset]) throws(KafkaError) {
    var error = cks_error()
    let committed = cks_consumer_commit(
      handle, offsets.map(\.partition), offsets.map(\.offset), offsets.count, &error)
    if !committed { throw KafkaError(error, "commit offsets") }
  }

  /// Where a partition begins or ends.
  enum Edge {
    /// The first offset that it holds.
    case beginning
    /// The offset after its last.
    case end
  }

  /// Where partitions begin or end, in the order in which they are asked for; within `timeout` milliseconds.
  func offsets(
    _ edge: Edge, of partitions: [Partition], timeout: Int32 = 5000
  ) throws(KafkaError) -> [Int64] {
    guard !partitions.isEmpty else { return [] }
    var error = cks_error()
    var offsets = [Int64](repeating: 0, count: partitions.count)
    guard
      cks_consumer_offsets(
        handle, partitions, partitions.count, edge == .end, timeout, &offsets, &error)
    else { throw log.error(error, "ask for the \(edge) of partitions") }
    return offsets
  }
}
