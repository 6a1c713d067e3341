import ArgumentParser
import Eventually
import EventuallyKafka
import EventuallySQLite
import Foundation
import Logging
import EventuallyServer

/// Where a replay reads events.
struct ReplaySourceOptions: ParsableArguments {
  enum Source: String, ExpressibleByArgument, CaseIterable {
    case store
    case kafka
  }

  @Option(help: ArgumentHelp("The event store's file.", valueName: "file"))
  var store = "data/store.sqlite"
  @Option(
    help: ArgumentHelp(
      "A writer's URL, instead of the store's file: for events, and for what Kafka does not hold.",
      valueName: "url"))
  var feed: String?
  @Option(
    help: ArgumentHelp(
      "Where events are read: 'store' is the store or the feed; 'kafka' is the topic as far as it still holds them."
    ))
  var source = Source.store
  @OptionGroup var kafka: KafkaOptions
  @OptionGroup var token: TokenOptions

  func validate() throws {
    if let feed, HTTPEndpoint(feed) == nil {
      throw ValidationError("--feed '\(feed)' is not an http or https URL")
    }
  }

  /// The store's log: its file, or a writer's feed.
  func log() async throws -> any EventLog {
    guard let feed else { return try AdminCommand.LogOptions.open(store) }
    guard var endpoint = HTTPEndpoint(feed) else {
      throw ValidationError("--feed '\(feed)' is not an http or https URL")
    }
    endpoint.token = try token.token()?.text
    return try await HTTPEventFeed(endpoint)
  }

  /// Kafka, where events are to be read from there.
  func kafkaConfiguration() throws -> KafkaConfiguration? {
    guard source == .kafka else { return nil }
    let configuration = try kafka.configuration()
    try configuration.check()
    return configuration
  }
}

/// Applies a store's events to a read model's database, up to given positions.
struct ReplayRun<Model: ReadModel, Codec: EventCodec>: Sendable
where Codec.Event == Model.Event {
  let database: ReadModelDatabase<Model>
  let model: Model
  let codec: Codec
  let log: any EventLog
  /// Where events are read as far as they are there; `nil` for the log alone.
  let kafka: KafkaConfiguration?
  /// Each has a share of the partitions.
  let workers: Int

  /// How often something may fail in a row before this gives up.
  private static var failureLimit: Int { 8 }
  /// How long nothing may come from a source that tells of trouble.
  private static var patience: Duration { .seconds(10) }

  /// A worker, and what is to be known of it.
  private struct Work: Sendable {
    var run: @Sendable () async -> Void
    var status: @Sendable () -> ReadModelProjectorStatus
    /// Why nothing comes, where that is known.
    var trouble: @Sendable () -> String?

    /// How many events it has dealt with.
    var done: UInt64 { status().applied + status().parked }
  }

  private final class Failures: Sendable {
    let state = Locked((count: 0, last: ""))
  }

  /// Runs until the positions are reached.
  /// - Parameter progress: hears how many events have been applied.
  /// - Throws: ``Failure`` where something fails again and again. What has been applied is kept.
  func run(
    from positions: [UInt64], through: [UInt64], progress: @escaping @Sendable (UInt64) -> Void
  ) async throws {
    let shares = (0..<workers).map { worker in
      (0..<log.partitionCount).filter { partition in
        Int(partition) % workers == worker
          && positions[Int(partition)] < through[Int(partition)]
      }
    }
    let failures = Failures()
    let works = shares.filter { !$0.isEmpty }.map { worker($0, through, failures) }
    guard !works.isEmpty else { return }
    try await withThrowingTaskGroup(of: Void.self) { group in
      for work in works { group.addTask { await work.run() } }
      group.addTask { try await Self.watch(failures, works, progress) }
      var left = works.count
      while left > 0, try await group.next() != nil { left -= 1 }
      group.cancelAll()
    }
    try Task.checkCancellation()
    progress(works.reduce(0) { $0 + $1.done })
    // Whoever makes it live relies on that.
    let reached = try await ReadModelReader(path: database.path, model: model, readers: 1)
      .positions()
    guard zip(reached, through).allSatisfy({ $0 >= $1 }) else {
      throw Failure(
        "it ended before its end: another process has taken its partitions; run the same command again"
      )
    }
  }

  /// One worker with a share of the partitions.
  private func worker(
    _ share: [Partition], _ through: [UInt64], _ failures: Failures
  ) -> Work {
    let owner = "replay-\(ProcessInfo.processInfo.processIdentifier)"
    let onFailure: @Sendable (any Error) -> Void = { error in
      failures.state.withLock { $0 = ($0.count + 1, "\(error)") }
    }
    guard let kafka else {
      let subscription = LogSubscription(
        log, codec: codec, checkpoints: database, partitions: share, through: through,
        owner: owner)
      let projector = ReadModelProjector(subscription, into: database, onFailure: onFailure)
      return Work(
        run: { await projector.run() }, status: { projector.status }, trouble: { nil })
    }
    var options = KafkaSubscription<Codec>.Options(
      group: "\(kafka.topic).\(database.name).replay", owner: owner)
    options.range = .init(partitions: share, through: through)
    var logger = Logger(label: "replay") { PrintableLogHandler.standardError(label: $0) }
    logger.logLevel = .error
    let subscription = KafkaSubscription(
      kafka, storeID: log.storeID, partitionCount: log.partitionCount, codec: codec,
      checkpoints: database, feed: log, options: options, logger: logger)
    let projector = ReadModelProjector(subscription, into: database, onFailure: onFailure)
    return Work(
      run: {
        await projector.run()
        await subscription.stop()
      }, status: { projector.status },
      trouble: {
        let status = subscription.status
        for case (let partition, .forged(let position)) in status.partitions.mapValues(\.phase) {
          return
            "the topic has a forged event at partition \(partition), partition offset \(position)"
        }
        return status.broker.failure ?? status.feedFailure ?? status.failure
      })
  }

  /// Tells the progress, and gives up where nothing succeeds any more.
  private static func watch(
    _ failures: Failures, _ works: [Work], _ progress: @Sendable (UInt64) -> Void
  ) async throws {
    var applied: UInt64 = 0
    var lastProgress = ContinuousClock.now
    while !Task.isCancelled {
      let now = works.reduce(0) { $0 + $1.done }
      if now > applied {
        applied = now
        lastProgress = .now
        failures.state.withLock { $0.count = 0 }
        progress(applied)
      }
      let failed = failures.state.withLock { $0 }
      if failed.count >= failureLimit {
        throw Failure(
          "it does not go on: \(failed.last). What has been applied is kept: run the same command again once that is mended"
        )
      }
      if ContinuousClock.now - lastProgress > patience,
        let trouble = works.lazy.compactMap({ $0.trouble() }).first
      {
        throw Failure(
          "nothing has come for \(patience.components.seconds) s: \(trouble). What has been applied is kept: run the same command again once that is mended, or with --source store"
        )
      }
      try await Task.sleep(for: .milliseconds(100))
    }
  }
}
