import Eventually

/// Reads the feed beside the consumer: requests go out as tasks, and answers wait until they are taken.
final class FeedReader: Sendable {
  enum Answer: Sendable {
    case heads([UInt64])
    case records(Partition, [EventRecord])
    /// The store ends before what was to be fetched of a partition.
    case end(Partition, head: UInt64)
  }

  private struct State {
    var answers: [Answer] = []
    var fetches: [Partition: Task<Void, Never>] = [:]
    var isAskingForHeads = false
    var headRequest: Task<Void, Never>?
    var nextHeads = ContinuousClock.now
    var onNews: (@Sendable () -> Void)?
    var headsHeard: ContinuousClock.Instant?
    var feedFailure: String?
    var partitionFailures: [Partition: String] = [:]
  }

  private let feed: any EventFeed
  private let pageSize: Int
  private let headInterval: Duration
  private let inner = Locked(State())
  private let heartbeat: Heartbeat

  init<Codec>(_ feed: any EventFeed, _ options: KafkaSubscription<Codec>.Options) {
    self.feed = feed
    pageSize = options.batchSize
    headInterval = options.headInterval
    heartbeat = options.heartbeats.loop("subscription.heads")
  }

  /// Calls `action` whenever an answer is there to be taken.
  func onNews(_ action: @escaping @Sendable () -> Void) {
    inner.withLock { $0.onNews = action }
  }

  /// Why the feed, or a partition, can't go on, and when the store's heads were last heard.
  var state:
    (failure: String?, partitions: [Partition: String], headsHeard: ContinuousClock.Instant?)
  {
    inner.withLock { ($0.feedFailure, $0.partitionFailures, $0.headsHeard) }
  }

  func takeAnswers() -> [Answer] {
    inner.withLock { state in
      defer { state.answers.removeAll() }
      return state.answers
    }
  }

  /// Fetches the first page of what is missing, after a pause, trying until the feed answers.
  func fetch(
    _ partition: Partition, _ missing: ClosedRange<UInt64>, after pause: Duration = .zero
  ) {
    let limit = Int(min(UInt64(pageSize), missing.upperBound - missing.lowerBound + 1))
    let task = Task { [feed] in
      var failures = 0
      var generator = SystemRandomNumberGenerator()
      let retry = RetryPolicy(firstPause: .milliseconds(100), longestPause: .seconds(5))
      if pause > .zero { try? await Task.sleep(for: pause) }
      while !Task.isCancelled {
        do {
          let records = try await feed.records(
            partition: partition, after: missing.lowerBound - 1, limit: limit)
          guard records.first?.position.partitionSequence == missing.lowerBound else {
            let heads = try await feed.heads()
            guard Int(partition) < heads.count, heads[Int(partition)] < missing.lowerBound else {
              throw FeedError.missing(partition: partition, position: missing.lowerBound)
            }
            answer(.end(partition, head: heads[Int(partition)]), to: partition)
            return
          }
          answer(.records(partition, records), to: partition)
          return
        } catch {
          failures += 1
          fail(partition, "\(error)")
          // A cancelled pause ends the loop by its condition.
          try? await Task.sleep(for: retry.pause(afterFailures: failures, using: &generator))
        }
      }
    }
    inner.withLock { $0.fetches[partition] = task }
  }

  /// Asks for the store's heads, where that was not done for a while.
  func askForHeads() {
    let isDue = inner.withLock { state in
      guard !state.isAskingForHeads, ContinuousClock.now >= state.nextHeads else { return false }
      state.isAskingForHeads = true
      state.nextHeads = .now + headInterval
      return true
    }
    guard isDue else { return }
    heartbeat.beat()
    let task = Task { [feed, heartbeat] in
      defer { heartbeat.idle() }
      do {
        let heads = try await feed.heads()
        inner.withLock {
          $0.feedFailure = nil
          $0.headsHeard = .now
          $0.answers.append(.heads(heads))
        }
      } catch {
        inner.withLock { $0.feedFailure = "\(error)" }
      }
      inner.withLock {
        $0.isAskingForHeads = false
        $0.headRequest = nil
      }
    }
    // A task that has ended already has nothing to be cancelled for.
    inner.withLock { if $0.isAskingForHeads { $0.headRequest = task } }
  }

  /// A partition can't go on with what the feed gives; its next answer clears that.
  func fail(_ partition: Partition, _ reason: String) {
    inner.withLock { $0.partitionFailures[partition] = reason }
  }

  /// Ends all fetches and forgets their answers.
  func cancelFetches() {
    let tasks = inner.withLock { state in
      defer {
        state.fetches.removeAll()
        state.answers.removeAll()
        state.partitionFailures.removeAll()
      }
      return Array(state.fetches.values)
    }
    for task in tasks { task.cancel() }
  }

  /// Ends everything.
  func cancel() {
    cancelFetches()
    let request = inner.withLock { state in
      defer { state.headRequest = nil }
      state.onNews = nil
      return state.headRequest
    }
    request?.cancel()
  }

  private func answer(_ answer: Answer, to partition: Partition) {
    let onNews = inner.withLock { state -> (@Sendable () -> Void)? in
      // An answer to a request that was cancelled is of no use.
      guard !Task.isCancelled else { return nil }
      state.answers.append(answer)
      state.partitionFailures[partition] = nil
      return state.onNews
    }
    onNews?()
  }
}

/// What the feed gives is not what the store must have.
enum FeedError: Error, CustomStringConvertible {
  case missing(partition: Partition, position: UInt64)

  var description: String {
    switch self {
    case .missing(let partition, let position):
      "the feed has no event at partition \(partition), position \(position)"
    }
  }
}
