import Eventually
import Logging

/// Reads windows of a topic's end. It blocks its caller's thread.
final class TailReader {
  private let consumer: ConsumerClient
  private var eventSource: EventSource
  private let limits: TailLimits
  private let deadline: ContinuousClock.Instant
  private var bytes = 0
  private var records = 0

  init(
    _ configuration: KafkaConfiguration, storeID: String, partitions: Partition,
    limits: TailLimits, logger: Logger
  ) throws(KafkaError) {
    consumer = try ConsumerClient(
      // It joins no group, but brokers hold the name against the rights of the user: those of `<topic>.` cover workers too.
      configuration, group: "\(configuration.topic).tail",
      settings: [
        KafkaSetting("fetch.wait.max.ms", "10"), KafkaSetting("queued.max.messages.kbytes", "2048"),
        KafkaSetting("fetch.max.bytes", "1048576"),
      ], logger: logger)
    eventSource = EventSource(
      storeID: storeID, partitionCount: partitions, keys: configuration.keys)
    self.limits = limits
    deadline = .now + limits.time
  }

  /// What the records of some windows are, by what they say of themselves.
  struct Window: Sendable {
    var claims: [TailClaim] = []
    var notOurs: [Partition: Int] = [:]
    var otherStore: String?
    var reason: String?
    /// Whether a limit was reached before the windows' ends.
    var isCutShort = false
    /// Partitions of which the broker gives no more, though it says that there is more, and why.
    var unreadable: [Partition: String] = [:]
  }

  /// Where each partition begins and ends.
  func offsets(partitions: Partition) throws(KafkaError) -> [Range<Int64>] {
    let partitions = (0..<partitions).map { $0 }
    // In this order: a partition that is cut off meanwhile ends no earlier than it begins.
    let beginnings = try consumer.offsets(.beginning, of: partitions)
    let ends = try consumer.offsets(.end, of: partitions)
    return zip(beginnings, ends).map { $0..<max($0, $1) }
  }

  /// Reads windows, up to the limits.
  /// - Parameter beat: called while it works.
  func read(_ windows: [Partition: Range<Int64>], beat: () -> Void) throws -> Window {
    var reading = Set(windows.keys)
    var window = Window()
    var failures: [Partition: KafkaError] = [:]
    var lastRecord = ContinuousClock.now
    try consumer.assign(
      windows.map { StartOffset(partition: $0.key, offset: $0.value.lowerBound) })
    while !reading.isEmpty {
      try Task.checkCancellation()
      beat()
      guard ContinuousClock.now - lastRecord < limits.silence else {
        // A broker that still answers has something there that can't be fetched.
        try checkBroker()
        for partition in reading {
          window.unreadable[partition] =
            failures[partition]?.description
            ?? "no record came within \(limits.silence.components.seconds) s"
        }
        break
      }
      guard bytes < limits.bytes, records < limits.records, ContinuousClock.now < deadline else {
        window.isCutShort = true
        break
      }
      _ = try consumer.poll(timeout: 100, limit: 1_000) { message in
        guard let range = windows[message.partition] else { return }
        if message.isEndOfPartition {
          reading.remove(message.partition)
        } else if let error = message.error {
          // librdkafka goes on by itself where that may help.
          failures[message.partition] = error
        } else {
          lastRecord = .now
          failures[message.partition] = nil
          if message.offset < range.upperBound { take(message, &window) }
          if message.offset + 1 >= range.upperBound { reading.remove(message.partition) }
        }
      }
    }
    try consumer.unassign()
    return window
  }

  /// Makes sure that the broker answers.
  private func checkBroker() throws(KafkaError) {
    do {
      _ = try consumer.offsets(.end, of: [0])
    } catch {
      throw KafkaError(
        code: error.code,
        message: "no record within \(limits.silence.components.seconds) s: \(error.message)",
        isRetriable: true, operation: "read the topic's end")
    }
  }

  private func take(_ message: borrowing WireMessage, _ window: inout Window) {
    records += 1
    bytes += message.size
    switch eventSource.classify(message) {
    case .event(let position):
      window.claims.append(
        TailClaim(
          position: position, id: message.eventID, fingerprint: message.fingerprint,
          isSigned: eventSource.isKeyed, isPlaceholder: message.isPlaceholder))
    case .rejected(let reason):
      window.notOurs[message.partition, default: 0] += 1
      window.reason = window.reason ?? reason
      if window.otherStore == nil, message.position != nil, let source = message.source,
        !eventSource.isSource(of: message)
      {
        window.otherStore = source
      }
    }
  }
}
