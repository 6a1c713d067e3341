/// Which live queries of a read model are run when, and who gets which answer.
///
/// A query is run for all of its viewers at once: when it is asked for, and again when the read model has changed since, but not more
/// often than once in an interval, nor for more than half of the time. A viewer gets each answer that differs from the one before.
struct LiveQueries<
  Query: Hashable & Sendable, Version: Hashable & Sendable, Answer: Equatable & Sendable
>: Sendable {
  typealias Viewer = Int
  typealias Instant = ContinuousClock.Instant

  /// What is to be done.
  enum Action {
    /// The query is to be run; then ``ran(_:_:at:)`` or ``failed(_:at:)`` is called.
    case run(Query)
    /// These viewers get an answer, in place of one that they have not taken yet.
    case answer(Answer, [Viewer])
    /// These viewers are told that no answer can be had, and get nothing any more.
    case end([Viewer])
  }

  /// There are as many different queries as there may be.
  struct Full: Error {}

  private struct Viewing {
    /// The first run whose answer is new enough.
    var firstRun: Int
    var last: Answer?
  }

  private struct Watched {
    var viewers: [Viewer: Viewing] = [:]
    /// How many runs were begun.
    var runs = 0
    /// The run that a viewer waits for.
    var wanted = 1
    /// Since when the query is being run, and what the read model's version was before.
    var running: (since: Instant, version: Version?)?
    /// The newest answer, and the read model's version before it was run.
    var newest: (answer: Answer, version: Version?)?
    /// It is not run before.
    var due: Instant
  }

  private let interval: Duration
  private let limit: Int
  private let parallel: Int
  private var watched: [Query: Watched] = [:]
  private var queries: [Viewer: Query] = [:]
  private var nextViewer = 0
  private var running = 0
  /// The version that was seen last.
  private var latest: Version?

  /// - Parameters:
  ///   - interval: how long at least from one run of a query to the next.
  ///   - limit: how many different queries there may be.
  ///   - parallel: how many are run at a time.
  init(interval: Duration, limit: Int, parallel: Int) {
    self.interval = interval
    self.limit = limit
    self.parallel = parallel
  }

  /// Whether nobody watches.
  var isEmpty: Bool { queries.isEmpty }

  /// A viewer comes. It gets an answer as of `version` or later.
  /// - Parameter version: of the read model, at this moment or a little before.
  mutating func join(
    _ query: Query, at version: Version, now: Instant
  ) throws(Full) -> (viewer: Viewer, actions: [Action]) {
    guard watched[query] != nil || watched.count < limit else { throw Full() }
    latest = version
    let viewer = nextViewer
    nextViewer += 1
    queries[viewer] = query
    var watching = watched[query] ?? Watched(due: now)
    var viewing = Viewing(firstRun: watching.runs + 1)
    var actions: [Action] = []
    if let newest = watching.newest, newest.version == version {
      viewing = Viewing(firstRun: watching.runs, last: newest.answer)
      actions.append(.answer(newest.answer, [viewer]))
    } else if let running = watching.running, running.version == version {
      viewing.firstRun = watching.runs
    }
    watching.viewers[viewer] = viewing
    watching.wanted = max(watching.wanted, viewing.firstRun)
    watched[query] = watching
    return (viewer, actions + begin(now))
  }

  /// A viewer goes.
  mutating func leave(_ viewer: Viewer) {
    guard let query = queries.removeValue(forKey: viewer) else { return }
    watched[query]?.viewers[viewer] = nil
    dropIfUnwatched(query)
  }

  /// The read model has a version, the same as before or another one.
  mutating func saw(_ version: Version, now: Instant) -> [Action] {
    latest = version
    return begin(now)
  }

  /// A query was answered.
  mutating func ran(_ query: Query, _ answer: Answer, now: Instant) -> [Action] {
    guard var watching = finish(query, now) else { return begin(now) }
    watching.watched.newest = (answer, watching.version)
    var receivers: [Viewer] = []
    for (viewer, viewing) in watching.watched.viewers
    where viewing.firstRun <= watching.watched.runs && viewing.last != answer {
      watching.watched.viewers[viewer]?.last = answer
      receivers.append(viewer)
    }
    watched[query] = watching.watched
    dropIfUnwatched(query)
    return (receivers.isEmpty ? [] : [.answer(answer, receivers.sorted())]) + begin(now)
  }

  /// A query can't be answered. Those who came since it was begun wait for the next run.
  mutating func failed(_ query: Query, now: Instant) -> [Action] {
    guard var watching = finish(query, now)?.watched else { return begin(now) }
    let runs = watching.runs
    let ended = watching.viewers.filter { $0.value.firstRun <= runs }.map(\.key)
    for viewer in ended {
      watching.viewers[viewer] = nil
      queries[viewer] = nil
    }
    watching.newest = nil
    watched[query] = watching
    dropIfUnwatched(query)
    return (ended.isEmpty ? [] : [.end(ended.sorted())]) + begin(now)
  }

  /// The read model can't be read.
  mutating func lost() -> [Action] {
    let ended = queries.keys.sorted()
    for viewer in ended { leave(viewer) }
    return ended.isEmpty ? [] : [.end(ended)]
  }

  /// The moment before which no query would be run again, whatever changes; in the past where one would at once.
  var nextDue: Instant? { watched.values.lazy.filter { $0.running == nil }.map(\.due).min() }

  private mutating func finish(
    _ query: Query, _ now: Instant
  ) -> (watched: Watched, version: Version?)? {
    guard var watching = watched[query], let run = watching.running else { return nil }
    running -= 1
    watching.running = nil
    watching.due = max(watching.due, now + (now - run.since))
    return (watching, run.version)
  }

  private mutating func begin(_ now: Instant) -> [Action] {
    guard running < parallel else { return [] }
    let due = watched.filter { $0.value.due <= now && isWanted($0.value) }
      .sorted { ($0.value.due, $0.value.viewers.count) < ($1.value.due, $1.value.viewers.count) }
    var actions: [Action] = []
    for (query, var watching) in due.prefix(parallel - running) {
      watching.runs += 1
      watching.running = (now, latest)
      watching.due = now + interval
      watched[query] = watching
      running += 1
      actions.append(.run(query))
    }
    return actions
  }

  private func isWanted(_ watching: Watched) -> Bool {
    guard watching.running == nil, !watching.viewers.isEmpty else { return false }
    return watching.wanted > watching.runs || watching.newest?.version != latest
  }

  /// What is being run stays until it has been.
  private mutating func dropIfUnwatched(_ query: Query) {
    guard let watching = watched[query], watching.viewers.isEmpty, watching.running == nil
    else { return }
    watched[query] = nil
  }
}
