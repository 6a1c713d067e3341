import CoreMetrics
import Eventually
import Logging

/// Runs the live queries of a read model for all of a process's viewers, and notices when the read model has changed.
///
/// Other processes' commits give no signal, so the database is asked for its version again and again, once for all viewers, and not
/// while no query may be run again anyway.
actor LiveQueryHub {
  typealias Viewer = Int

  /// How long a change goes unnoticed where nothing was run for a while, and where nothing has changed for a while.
  private static let (poll, quietPoll) = (Duration.milliseconds(20), Duration.milliseconds(50))
  private static let quiet = Duration.seconds(2)

  /// A reader of its own: whoever asks once does not wait behind live queries.
  private let source: OpenedReadModel
  private let logger: Logger
  private let runs: Counter?
  private let gauge: Gauge?
  private var queries: LiveQueries<LiveQuestion, ReadModelVersion, LiveAnswer>
  private var viewers: [Viewer: LiveMailbox] = [:]
  private var isWatching = false
  private var latest: (version: ReadModelVersion?, since: ContinuousClock.Instant) = (nil, .now)

  /// - Parameter isMeasured: whether metrics tell of it.
  init(
    _ name: String, source: OpenedReadModel, limits: ServerLimits, isMeasured: Bool = true
  ) {
    self.source = source
    logger = Logger(label: "eventually.queries")
    let dimensions = [("read_model", name)]
    runs = isMeasured ? Counter(label: MetricName.liveRuns, dimensions: dimensions) : nil
    gauge = isMeasured ? Gauge(label: MetricName.liveViewers, dimensions: dimensions) : nil
    queries = LiveQueries(interval: limits.liveInterval, limit: limits.liveQueries, parallel: 2)
  }

  /// A viewer of a query, who gets an answer as soon as there is one that is not older than this call.
  /// - Throws: what opening the read model throws, and an answer 503 where too many queries are watched.
  func join(_ question: LiveQuestion) async throws -> LiveViewer {
    let version = try await source.open().version()
    do {
      let (viewer, actions) = try queries.join(question, at: version, now: .now)
      let mailbox = LiveMailbox()
      viewers[viewer] = mailbox
      perform(actions)
      watch()
      return LiveViewer(mailbox) { [weak self] in
        Task.detached { await self?.leave(viewer) }
      }
    } catch {
      throw Overloaded("too many different queries are watched")
    }
  }

  private func leave(_ viewer: Viewer) {
    queries.leave(viewer)
    viewers[viewer] = nil
    gauge?.record(viewers.count)
  }

  private func perform(
    _ actions: [LiveQueries<LiveQuestion, ReadModelVersion, LiveAnswer>.Action],
    _ failure: (any Error)? = nil
  ) {
    for action in actions {
      switch action {
      case .run(let question): run(question)
      case .answer(let answer, let receivers):
        for viewer in receivers { viewers[viewer]?.put(.success(answer)) }
      case .end(let ended):
        guard let failure else { continue }
        for viewer in ended { viewers.removeValue(forKey: viewer)?.put(.failure(failure)) }
      }
    }
    gauge?.record(viewers.count)
  }

  private func run(_ question: LiveQuestion) {
    runs?.increment()
    // Nobody's in particular: neither a request's trace nor its end are this one's.
    Task.detached { [source] in
      do {
        let answer = try await question.answer(try await source.open())
        await self.ran(question, answer)
      } catch {
        await self.failed(question, error)
      }
    }
  }

  private func ran(_ question: LiveQuestion, _ answer: LiveAnswer) {
    perform(queries.ran(question, answer, now: .now))
  }

  private func failed(_ question: LiveQuestion, _ error: any Error) {
    let kind = RequestError(error).kind
    if kind == .internal || kind == .damaged, !(error is LiveRefusal) {
      logger.error("a live query failed", metadata: ["error": "\(error)"])
    }
    perform(queries.failed(question, now: .now), error)
  }

  /// Watches the read model for as long as anybody watches a query.
  private func watch() {
    guard !isWatching else { return }
    isWatching = true
    Task.detached {
      while let pause = await self.look() {
        // Nobody cancels this task: it ends with the last viewer.
        try? await Task.sleep(for: pause)
      }
    }
  }

  /// - Returns: how long it is until the next look; `nil` for none.
  private func look() async -> Duration? {
    do {
      let version = try await source.open().version()
      if version != latest.version { latest = (version, .now) }
      perform(queries.saw(version, now: .now))
    } catch {
      perform(queries.lost(), error)
    }
    guard !queries.isEmpty else {
      isWatching = false
      return nil
    }
    let now = ContinuousClock.now
    let poll = now - latest.since < Self.quiet ? Self.poll : Self.quietPoll
    return max(poll, queries.nextDue.map { $0 - now } ?? poll)
  }
}
