import Eventually

/// The states of streams, as of any version or time, and what their events changed.
final class StateHistory: Sendable {
  /// As of when.
  enum Moment: Sendable, Hashable {
    case version(Version)
    /// After the last event before the first one that was appended later.
    case time(Timestamp)

    func includes(_ position: EventPosition, _ time: Timestamp) -> Bool {
      switch self {
      case .version(let version): position.version <= version
      case .time(let moment): time <= moment
      }
    }
  }

  /// A state, and the event that it is after.
  struct State: Sendable {
    /// `nil` before the first event.
    var last: EventRecord?
    /// As JSON; `nil` before the first event, and where no aggregate of the application has the stream's category.
    var json: [UInt8]?
    var step = StateChanges.Step()
    /// Why it is not the entity's: the first event that can't be read or applied.
    var failure: String?
  }

  /// An event with what it changed.
  struct Entry: Sendable {
    var record: EventRecord
    var step: StateChanges.Step
  }

  private static let unknown = StateChanges.Step(
    note: "no aggregate of the application has streams of this category")
  private let application: ApplicationModel
  private let cache = Locked(FoldCache())
  /// Drops states from the cache; `nil` while there are none.
  private let sweeping = Locked<Task<Void, Never>?>(nil)
  private let lifetime: Duration

  /// - Parameter lifetime: for how long states of a stream are kept that nobody asks for. That it was removed is found out where
  ///   somebody does.
  init(_ application: ApplicationModel, lifetime: Duration = .seconds(60)) {
    self.application = application
    self.lifetime = lifetime
  }

  deinit { sweeping.withLock { $0?.cancel() } }

  /// About how many bytes are kept.
  var keptBytes: Int { cache.withLock { $0.bytes } }

  private func keep(_ fold: FoldCache.Fold, of stream: String, isRecent: Bool) {
    cache.withLock { $0.keep(fold, of: stream, isRecent: isRecent) }
    sweeping.withLock { task in
      if task == nil {
        task = Task { [weak self, lifetime] in await Self.sweep({ self }, lifetime) }
      }
    }
  }

  /// Until nothing is kept.
  private static func sweep(_ history: () -> StateHistory?, _ lifetime: Duration) async {
    while !Task.isCancelled {
      // A cancelled pause ends the loop by its condition.
      try? await Task.sleep(for: lifetime / 4)
      guard let history = history(), history.expire() else { return }
    }
  }

  /// - Returns: whether something is left.
  private func expire() -> Bool {
    sweeping.withLock { task in
      let isLeft = cache.withLock { cache in
        cache.expire(before: .now - lifetime)
        return cache.bytes > 0
      }
      if !isLeft { task = nil }
      return isLeft
    }
  }

  /// The state as of a moment.
  func state(
    of stream: String, at moment: Moment, in log: any StoreLog
  ) async throws -> State {
    if case .version(0) = moment { return State() }
    // What the last event changed is told too: begun from a state before it.
    var reader = Reader(self, stream, log) { kept in
      switch moment {
      case .version(let version): kept.version < version
      case .time(let time): kept.time < time
      }
    }
    var last: EventRecord?
    while let record = try await reader.next(), moment.includes(record.position, record.time) {
      if let last { reader.apply(last) }
      last = record
      if case .version(record.position.version) = moment { break }
    }
    reader.keepRecent()
    var state = State(last: last)
    if let last, let told = try reader.fold?.state(after: last) {
      (state.step, state.json) = told
      state.failure = reader.fold?.failure
    }
    return state
  }

  /// The events before a version, the newest first, with what each changed.
  func entries(
    of stream: String, before version: Version, limit: Version, in log: any StoreLog
  ) async throws -> [Entry] {
    guard version > 1 else { return [] }
    let first = version > limit ? version - limit : 1
    var reader = Reader(self, stream, log) { $0.version < first }
    var entries: [Entry] = []
    while let record = try await reader.next(), record.position.version < version {
      if record.position.version < first {
        reader.apply(record)
        if record.position.version + 1 == first { reader.keepRecent() }
      } else {
        entries.append(
          Entry(record: record, step: reader.fold?.changes(by: record) ?? Self.unknown))
        if record.position.version + 1 == version { break }
      }
    }
    return entries.reversed()
  }

  /// Reads a stream from the latest kept state that fits.
  private struct Reader {
    private let history: StateHistory
    private let stream: String
    private let log: any StoreLog
    private var kept: FoldCache.Fold?
    private var pages: any StreamPages
    private var page: ArraySlice<EventRecord> = []
    /// The state after the last event that was applied; `nil` where no aggregate has the stream's category. Nobody else has it: an event
    /// would cost a copy.
    var fold: StateChanges?
    private var bytes: Int
    /// The event that was applied last, and how many were.
    private var last: EventRecord?
    private var applied = 0

    init(
      _ history: StateHistory, _ stream: String, _ log: any StoreLog,
      whereFolded fits: (FoldCache.Fold) -> Bool
    ) {
      (self.history, self.stream, self.log) = (history, stream, log)
      kept = history.cache.withLock { $0.latest(of: stream, where: fits) }
      fold = kept?.changes ?? history.begin(stream)
      bytes = kept?.bytes ?? 0
      pages = log.pages(ofStream: stream, from: kept?.version ?? 1)
    }

    /// The next event, which is not applied yet; `nil` at the end.
    mutating func next() async throws -> EventRecord? {
      while true {
        while page.isEmpty, !pages.isAtEnd {
          try Task.checkCancellation()
          page = try await pages.next()[...]
        }
        let record = page.popFirst()
        if let kept {
          self.kept = nil
          // The first is the one that the kept state is after. Another one: the stream was removed, and may have begun anew.
          if record?.position != kept.position { beginAnew() }
          continue
        }
        return record?.type == EventRecord.erasedType ? nil : record
      }
    }

    private mutating func beginAnew() {
      history.cache.withLock { $0.forget(stream) }
      (fold, bytes, page) = (history.begin(stream), 0, [])
      (last, applied) = (nil, 0)
      pages = log.pages(ofStream: stream, from: 1)
    }

    mutating func apply(_ record: EventRecord) {
      fold?.apply(record)
      bytes += record.payload.count
      (last, applied) = (record, applied + 1)
      let version = record.position.version
      if version % FoldCache.interval == 0,
        history.cache.withLock({ $0.wants(version, of: stream) })
      {
        keep(isRecent: false)
      }
    }

    /// Keeps the state as one that somebody asked for, where it is not near to one that is kept.
    func keepRecent() {
      if applied >= 64 { keep(isRecent: true) }
    }

    private func keep(isRecent: Bool) {
      guard let last, let fold else { return }
      let kept = FoldCache.Fold(
        position: last.position, time: last.time, changes: fold, bytes: bytes)
      history.keep(kept, of: stream, isRecent: isRecent)
    }
  }

  /// The state before a stream's first event.
  private func begin(_ stream: String) -> StateChanges? {
    StreamCategory.of(stream: stream).flatMap { category in
      application.aggregates.first { $0.category == category }
    }.map { StateChanges($0) }
  }
}
