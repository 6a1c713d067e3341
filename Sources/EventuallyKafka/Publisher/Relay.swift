import Eventually
import Logging

/// What one life of a producer shares between reading, producing and acknowledging.
final class Relay: Sendable {
  let producer: ProducerClient
  let acknowledged: PositionSignal
  private let tails: [PartitionTail]
  private let logger: Logger
  private let state: Locked<State>
  private let executor = BlockingExecutor(label: "kafka.publisher")

  private struct State {
    var prefix: ContiguousPrefix
    var count: UInt64 = 0
    /// The last sequence number that was handed to the producer.
    var handed: UInt64
    /// When something was acknowledged last, or handed over while nothing waited for acknowledgement.
    var lastProgress = ContinuousClock.now
    /// Partitions whose first record has been compared with the topic's end.
    var compared: Set<Partition> = []
  }

  init(producer: ProducerClient, tails: [PartitionTail], prefix: UInt64, logger: Logger) {
    self.producer = producer
    self.tails = tails
    self.logger = logger
    state = Locked(State(prefix: ContiguousPrefix(end: prefix), handed: prefix))
    acknowledged = PositionSignal(at: prefix)
  }

  /// The sequence number up to which all is acknowledged, and how many records have been.
  var progress: (published: UInt64, count: UInt64) {
    state.withLock { ($0.prefix.end, $0.count) }
  }

  /// Records up to a sequence number are with the producer.
  func noteHanded(_ sequence: UInt64) {
    FaultPoint.relayProduced.pass()
    state.withLock { state in
      if state.handed <= state.prefix.end { state.lastProgress = .now }
      state.handed = max(state.handed, sequence)
    }
  }

  /// For how long the broker has acknowledged nothing of what waits for it; `nil` where nothing waits.
  var stall: Duration? {
    state.withLock { state in
      state.handed > state.prefix.end ? .now - state.lastProgress : nil
    }
  }

  /// Whether the topic lacks an event. One that it holds counts as acknowledged.
  func shouldPublish(_ position: EventPosition) -> Bool {
    let tail = tails[Int(position.partition)]
    let isFirst = state.withLock { $0.compared.insert(position.partition).inserted }
    if isFirst, position.partitionSequence > tail.last + 1 {
      logger.warning(
        "the topic has lost events that it had acknowledged; consumers get them from the feed",
        metadata: [
          "partition": "\(position.partition)", "topic ends at": "\(tail.last)",
          "publishing from": "\(position.partitionSequence)",
        ])
    }
    if position.partitionSequence > tail.contiguous { return true }
    acknowledge([position.sequenceNumber], counted: 0)
    return false
  }

  private func acknowledge(_ numbers: [UInt64], counted: UInt64) {
    let end = state.withLock { state in
      for number in numbers { state.prefix.acknowledge(number) }
      state.count += counted
      state.lastProgress = .now
      return state.prefix.end
    }
    acknowledged.advance(to: end)
  }

  /// Takes in delivery reports, on a thread of its own.
  func pollUntilCancelled(_ onProgress: @Sendable @escaping () -> Void) async throws {
    let poller = ReportPoller(executor: executor)
    try await poller.run { [self] in
      let reports = producer.poll(timeout: 100)
      if let failed = reports.first(where: { $0.code != 0 }) {
        FaultPoint.relayRefused.pass()
        try producer.checkFatalError()
        throw KafkaError(
          code: failed.code, message: "the broker refused a record", isRetriable: false,
          operation: "publish the event at sequence number \(failed.sequenceNumber)")
      }
      if reports.isEmpty {
        try producer.checkFatalError()
      } else {
        acknowledge(reports.map(\.sequenceNumber), counted: UInt64(reports.count))
        FaultPoint.relayAcknowledged.pass()
      }
      onProgress()
    }
  }
}

/// Blocks a thread of its own in polls.
private actor ReportPoller {
  private let executor: BlockingExecutor

  nonisolated var unownedExecutor: UnownedSerialExecutor {
    executor.asUnownedSerialExecutor()
  }

  init(executor: BlockingExecutor) {
    self.executor = executor
  }

  func run(_ poll: @Sendable () throws -> Void) throws {
    while !Task.isCancelled { try poll() }
  }
}
