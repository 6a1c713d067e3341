import Eventually

/// Reads the feed beside the consumer: requests go out as tasks, and answers wait until they are taken.
final class FeedReader: Sendable {
  enum Answer: Sendable {
    /// The store's heads; `asked` is what the caller knew when it asked, and only regular answers come at intervals.
    case heads([UInt64], asked: [Partition: UInt64], isRegular: Bool)
    /// The store's event at a place that was to be looked at; `nil` where it has none.
    case event(ForgeryWatch.Forgery, EventRecord?)
    case records(Partition, [EventRecord])
    /// The store ends before what was to be fetched of a partition.
    case end(Partition, head: UInt64)

    func isEvent(at place: ForgeryWatch.Forgery) -> Bool {
      guard case .event(place, _) = self else { return false }
      return true
    }
  }

  private struct State {
    var answers: [Answer] = []
    var fetches: [Partition: Task<Void, Never>] = [:]
    var isAskingForHeads = false
    var headRequest: Task<Void, Never>?
    var nextHeads = ContinuousClock.now
    var nextUrgentHeads = ContinuousClock.now
    var check: Task<Void, Never>?
    var onAnswer: (@Sendable () -> Void)?
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
  func onAnswer(_ action: @escaping @Sendable () -> Void) {
    inner.withLock { $0.onAnswer = action }
  }

  /// Why the feed, or a partition, can't go on, and when the store's heads were last told.
  var state:
    (failure: String?, partitions: [Partition: String], headsHeard: ContinuousClock.Instant?)
  {
    inner.withLock { ($0.feedFailure, $0.partitionFailures, $0.headsHeard) }
  }

  /// The answers that are there, but records only as far as they fit in a batch: the others wait.
  /// - Parameters:
  ///   - count: how many entries the batch has.
  ///   - limit: how many it may have. One answer always fits in an empty batch.
  func takeAnswers(batch count: Int, limit: Int) -> [Answer] {
    inner.withLock { state in
      guard !state.answers.isEmpty else { return [] }
      var count = count
      var taken: [Answer] = []
      var left: [Answer] = []
      for answer in state.answers {
        if case .records(_, let records) = answer {
          guard count == 0 || count + records.count <= limit else {
            left.append(answer)
            continue
          }
          count += records.count
        }
        taken.append(answer)
      }
      state.answers = left
      return taken
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
          guard records.first?.position.partitionOffset == missing.lowerBound else {
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

  /// Asks for the store's heads, where that was not done for a while: for a shorter one where it is urgent.
  /// - Parameter asking: called where it asks; what it tells comes back with the answer.
  func askForHeads(isUrgent: Bool, asking: () -> [Partition: UInt64]) {
    let now = ContinuousClock.now
    let isRegular = inner.withLock { state -> Bool? in
      let isRegular = now >= state.nextHeads
      guard !state.isAskingForHeads, isRegular || isUrgent && now >= state.nextUrgentHeads else {
        return nil
      }
      state.isAskingForHeads = true
      if isRegular { state.nextHeads = now + headInterval }
      state.nextUrgentHeads = now + min(headInterval / 4, .milliseconds(250))
      return isRegular
    }
    guard let isRegular else { return }
    let asked = asking()
    heartbeat.beat()
    let task = Task { [feed, heartbeat] in
      defer { heartbeat.idle() }
      do {
        let heads = try await feed.heads()
        inner.withLock {
          $0.feedFailure = nil
          $0.headsHeard = .now
          $0.answers.append(.heads(heads, asked: asked, isRegular: isRegular))
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

  /// Looks at the store's event at a place, unless another one is being looked at.
  /// - Parameter place: asked for where none is.
  func check(_ place: () -> ForgeryWatch.Forgery?) {
    guard inner.withLock({ $0.check == nil }), let place = place() else { return }
    let task = Task { [feed] in
      var generator = SystemRandomNumberGenerator()
      let retry = RetryPolicy(firstPause: .milliseconds(100), longestPause: .seconds(5))
      var failures = 0
      while !Task.isCancelled {
        do {
          let records = try await feed.records(
            partition: place.partition, after: place.position - 1, limit: 1)
          let found = records.first.flatMap {
            $0.position.partitionOffset == place.position ? $0 : nil
          }
          inner.withLock {
            // What a task finds that was cancelled is of no use; it was forgotten with it.
            guard !Task.isCancelled else { return }
            $0.feedFailure = nil
            $0.answers.append(.event(place, found))
            $0.check = nil
          }
          return
        } catch {
          failures += 1
          inner.withLock { $0.feedFailure = "\(error)" }
          // A cancelled pause ends the loop by its condition.
          try? await Task.sleep(for: retry.pause(afterFailures: failures, using: &generator))
        }
      }
    }
    inner.withLock { if !$0.answers.contains(where: { $0.isEvent(at: place) }) { $0.check = task } }
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
        state.check = nil
      }
      return Array(state.fetches.values) + (state.check.map { [$0] } ?? [])
    }
    for task in tasks { task.cancel() }
  }

  /// Ends everything.
  func cancel() {
    cancelFetches()
    let request = inner.withLock { state in
      defer { state.headRequest = nil }
      state.onAnswer = nil
      return state.headRequest
    }
    request?.cancel()
  }

  private func answer(_ answer: Answer, to partition: Partition) {
    let onAnswer = inner.withLock { state -> (@Sendable () -> Void)? in
      // An answer to a request that was cancelled is of no use.
      guard !Task.isCancelled else { return nil }
      state.answers.append(answer)
      state.partitionFailures[partition] = nil
      return state.onAnswer
    }
    onAnswer?()
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
