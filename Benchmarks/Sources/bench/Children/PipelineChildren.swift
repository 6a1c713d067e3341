import ArgumentParser
import Eventually
import EventuallyKafka
import EventuallySQLite
import Foundation
import Logging
import Orders

let logger: Logger = {
  var logger = Logger(label: "bench") { StreamLogHandler.standardError(label: $0) }
  logger.logLevel = .error
  return logger
}()

/// A Kafka cluster in memory, until it is stopped.
struct BrokerChild: AsyncParsableCommand {
  static let configuration = CommandConfiguration(commandName: "broker", shouldDisplay: false)
  @Argument var topic: String
  @Argument var partitions: Int32

  func run() async throws {
    let cluster = try DevelopmentCluster()
    try cluster.createTopic(topic, partitions: partitions)
    print(cluster.brokers)
    fflush(nil)
    // The driver ends this process by a signal.
    while true { try await Task.sleep(for: .seconds(3600)) }
  }
}

/// Creates a topic, or deletes it with the groups that are named after it.
struct TopicChild: AsyncParsableCommand {
  static let configuration = CommandConfiguration(commandName: "topic", shouldDisplay: false)

  enum Action: String, ExpressibleByArgument {
    case create, delete
  }

  @Argument var action: Action
  @Argument var brokers: String
  @Argument var topic: String
  @Argument var partitions: Int32 = 1

  func run() async throws {
    // A driver that is interrupted deletes what it created.
    for number in [SIGINT, SIGTERM] { signal(number, SIG_IGN) }
    let administration = try KafkaAdministration(
      KafkaConfiguration(brokers: brokers, topic: topic), logger: logger)
    switch action {
    case .create: try await administration.createTopic(partitions: partitions)
    case .delete:
      try await administration.deleteTopic()
      let groups = try await administration.groups().filter { $0.hasPrefix(topic + ".") }
      let deadline = ContinuousClock.now + .seconds(30)
      while true {
        do {
          return try await administration.deleteGroups(groups)
        } catch {
          // Who was killed is a member until its session ends, of which others get no signal.
          guard ContinuousClock.now < deadline else { throw error }
          try await Task.sleep(for: .milliseconds(200))
        }
      }
    }
  }
}

/// Publishes what a store holds, until everything is acknowledged.
struct PublishChild: AsyncParsableCommand {
  static let configuration = CommandConfiguration(commandName: "publish", shouldDisplay: false)
  @Argument var store: String
  @Argument var brokers: String
  @Argument var topic: String

  func run() async throws {
    let store = try await openStore(store)
    let publisher = KafkaPublisher(
      KafkaConfiguration(brokers: brokers, topic: topic), source: store,
      contentType: "application/json", logger: logger)
    let head = store.head.position
    let running = Task { try await publisher.run() }
    // The connection is made, and the topic's end read, before the clock starts.
    while publisher.status.phase != .publishing { try await Task.sleep(for: .milliseconds(1)) }
    let start = monotonic()
    await publisher.published.wait(past: head - 1)
    let seconds = monotonic() - start
    running.cancel()
    try await running.value
    try Measured(count: Int(head), seconds: seconds).report()
  }
}

/// Reads a store in pages, as the relay does, and does nothing with what it reads.
struct PagesChild: AsyncParsableCommand {
  static let configuration = CommandConfiguration(commandName: "pages", shouldDisplay: false)
  @Argument var store: String

  func run() async throws {
    let log = try SQLiteEventLog(path: store)
    var position: UInt64 = 0
    let start = monotonic()
    while true {
      let records = try await log.records(after: position, limit: 2000)
      guard let last = records.last else { break }
      position = last.position.sequenceNumber
    }
    try Measured(count: Int(position), seconds: monotonic() - start).report()
  }
}

/// A worker: applies what the topic holds to a read model, until it is stopped by SIGTERM.
struct WorkerChild: AsyncParsableCommand {
  static let configuration = CommandConfiguration(commandName: "worker", shouldDisplay: false)
  @Argument var store: String
  @Argument var brokers: String
  @Argument var topic: String
  @Argument var model: String
  @Argument var database: String
  @Option(help: "The consumer group.")
  var group = "bench"
  @Option(help: "A file for when each event was visible.")
  var times: String?
  @Option(help: "How many events a batch has at most.")
  var batch: Int?

  func run() async throws {
    let log = try await openLog(store)
    try await serve(try await openReadModel(database, try readModel(model), of: log), log)
  }

  private func serve<Store: ReadModelStore<OrderEvent>>(
    _ database: Store, _ log: any StoreLog
  ) async throws {
    let codec = OrderEventCodec()
    let timed = TimedStore(database, keepsTimes: times != nil)
    var options = KafkaSubscription<OrderEventCodec>.Options(
      group: group, owner: "worker-\(getpid())")
    // As the worker has it.
    options.batchSize = batch ?? (self.database.isURL ? 20_000 : 5_000)
    let subscription = KafkaSubscription(
      KafkaConfiguration(brokers: brokers, topic: topic), storeID: log.storeID,
      partitionCount: log.partitionCount, codec: codec, checkpoints: timed, feed: log,
      options: options, logger: logger)
    let projector = ReadModelProjector(
      subscription, into: timed, onFailure: { logger.error("\($0)") })
    let running = Task { await projector.run() }
    await untilTerminated()
    running.cancel()
    await running.value
    let (count, first, last, visible) = timed.seen
    if let times { try TimeFile.write(visible, to: times) }
    var measured = Measured(count: count, seconds: last - first)
    measured.first = first
    measured.last = last
    try measured.report()
    // The group need not be left in order: the broker goes as well.
    fflush(nil)
    Glibc.exit(0)
  }

  private func untilTerminated() async {
    signal(SIGTERM, SIG_IGN)
    let source = DispatchSource.makeSignalSource(signal: SIGTERM)
    await withCheckedContinuation { continuation in
      let once = Locked(continuation as CheckedContinuation<Void, Never>?)
      source.setEventHandler { once.withLock { $0.take() }?.resume() }
      source.resume()
    }
    source.cancel()
  }
}

/// A read model's store that notes when things are visible.
final class TimedStore<Base: ReadModelStore>: ReadModelStore {
  typealias Event = Base.Event
  private let base: Base
  private let keepsTimes: Bool
  private let state = Locked(
    (count: 0, first: 0.0, last: 0.0, visible: [(UInt64, Double)]()))

  init(_ base: Base, keepsTimes: Bool) {
    self.base = base
    self.keepsTimes = keepsTimes
  }

  var seen: (Int, Double, Double, [(UInt64, Double)]) {
    state.withLock { ($0.count, $0.first, $0.last, $0.visible) }
  }

  func claim(_ partitions: [Partition], owner: String) async throws -> [PartitionLease] {
    try await base.claim(partitions, owner: owner)
  }

  func keep(_ records: [RejectedRecord]) async throws { try await base.keep(records) }

  func apply(
    _ deliveries: [Delivery<Event>], parking: [ProjectionFailure]
  ) async throws -> ApplyOutcome {
    let before = monotonic()
    let outcome = try await base.apply(deliveries, parking: parking)
    let after = monotonic()
    state.withLock { state in
      if state.first == 0 { state.first = before }
      state.last = after
      for delivery in deliveries {
        state.count += delivery.entries.count
        guard keepsTimes else { continue }
        for entry in delivery.entries {
          state.visible.append((entry.position.sequenceNumber, after))
        }
      }
    }
    return outcome
  }
}

/// Pairs of a sequence number and a time, sixteen bytes each.
enum TimeFile {
  static func write(_ pairs: [(UInt64, Double)], to path: String) throws {
    var data = Data(capacity: pairs.count * 16)
    for (sequence, time) in pairs {
      withUnsafeBytes(of: (sequence, time)) { data.append(contentsOf: $0) }
    }
    try data.write(to: URL(filePath: path))
  }

  static func read(_ path: String) throws -> [UInt64: Double] {
    let data = try Data(contentsOf: URL(filePath: path))
    return data.withUnsafeBytes { bytes in
      var times: [UInt64: Double] = [:]
      for offset in stride(from: 0, to: bytes.count, by: 16) {
        times[bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self)] =
          bytes.loadUnaligned(fromByteOffset: offset + 8, as: Double.self)
      }
      return times
    }
  }
}

/// Appends events at a steady rate, publishes them, and notes when each append began.
struct PacedWriterChild: AsyncParsableCommand {
  static let configuration = CommandConfiguration(commandName: "paced-writer", shouldDisplay: false)
  @Argument var store: String
  @Argument var brokers: String
  @Argument var topic: String
  @Argument var rate: Int
  @Argument var seconds: Int
  @Argument var times: String

  func run() async throws {
    let store = try await openStore(store)
    let publisher = KafkaPublisher(
      KafkaConfiguration(brokers: brokers, topic: topic), source: store,
      contentType: "application/json", logger: logger)
    let running = Task { try await publisher.run() }
    while publisher.status.phase != .publishing { try await Task.sleep(for: .milliseconds(1)) }
    let begun = Collected<(UInt64, Double)>()
    let total = rate * seconds
    let start = monotonic()
    let header = Events.order(0)[0]
    try await withThrowingTaskGroup(of: Void.self) { group in
      for number in 0..<total {
        let due = start + Double(number) / Double(rate)
        let early = due - monotonic()
        if early > 0 { try await Task.sleep(for: .seconds(early)) }
        group.addTask {
          let before = monotonic()
          let appended = try await store.append([header], to: "paced-\(number)", expecting: .any)
          begun.add((appended.last.sequenceNumber, before))
        }
      }
      try await group.waitForAll()
    }
    let length = monotonic() - start
    await publisher.published.wait(past: store.head.position - 1)
    running.cancel()
    try await running.value
    try TimeFile.write(begun.all, to: times)
    try Measured(count: total, seconds: length).report()
  }
}
