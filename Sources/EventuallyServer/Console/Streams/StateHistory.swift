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

  init(_ application: ApplicationModel) {
    self.application = application
  }

  /// The state as of a moment.
  func state(
    of stream: String, at moment: Moment, in log: any StoreLog
  ) async throws -> State {
    var state = State()
    var fold: StateChanges?
    if case .version(0) = moment { return state }
    // What the last event changed is told too: begun from a state before it.
    try await walk(
      stream, of: log,
      whereFolded: { kept in
        switch moment {
        case .version(let version): kept.version < version
        case .time(let time): kept.time < time
        }
      }
    ) { record, before in
      guard moment.includes(record.position, record.time) else { return false }
      fold = before
      state.last = record
      if case .version(record.position.version) = moment { return false }
      return true
    }
    if var fold, let last = state.last {
      state.step = fold.changes(by: last)
      state.json = try fold.json()
      state.failure = fold.failure
    }
    return state
  }

  /// The events before a version, the newest first, with what each changed.
  func entries(
    of stream: String, before version: Version, limit: Version, in log: any StoreLog
  ) async throws -> [Entry] {
    guard version > 1 else { return [] }
    let first = version > limit ? version - limit : 1
    var entries: [Entry] = []
    var fold: StateChanges?
    try await walk(stream, of: log, whereFolded: { $0.version < first }) { record, before in
      guard record.position.version >= first else { return true }
      guard record.position.version < version else { return false }
      if fold == nil { fold = before }
      entries.append(Entry(record: record, step: fold?.changes(by: record) ?? Self.unknown))
      return record.position.version + 1 < version
    }
    return entries.reversed()
  }

  /// Reads a stream from the latest kept state that fits, with the state before each event, and keeps states on the way.
  /// - Parameter visit: says whether to go on.
  private func walk(
    _ stream: String, of log: any StoreLog, whereFolded fits: (FoldCache.Fold) -> Bool,
    _ visit: (EventRecord, StateChanges?) throws -> Bool
  ) async throws {
    let kept = cache.withLock { $0.latest(of: stream, where: fits) }
    var fold =
      kept?.changes
      ?? StreamCategory.of(stream: stream).flatMap { category in
        application.aggregates.first { $0.category == category }
      }.map { StateChanges($0) }
    var pages = log.pages(ofStream: stream, from: kept?.version ?? 1)
    var isFirst = true
    var bytes = kept?.bytes ?? 0
    while !pages.isAtEnd {
      try Task.checkCancellation()
      for record in try await pages.next() {
        if isFirst, let kept {
          isFirst = false
          guard record.position == kept.position else {
            // The stream was removed, and has begun anew.
            cache.withLock { $0.forget(stream) }
            return try await walk(stream, of: log, whereFolded: fits, visit)
          }
          continue
        }
        if record.type == EventRecord.erasedType { return }
        guard try visit(record, fold) else { return }
        guard fold != nil else { continue }
        fold?.apply(record)
        bytes += record.payload.count
        if record.position.version % FoldCache.interval == 0, let fold {
          let kept = FoldCache.Fold(
            position: record.position, time: record.time, changes: fold, bytes: bytes)
          cache.withLock { $0.keep(kept, of: stream) }
        }
      }
    }
    // A stream that ends before the state that was kept of it is another one.
    if isFirst, kept != nil {
      cache.withLock { $0.forget(stream) }
      try await walk(stream, of: log, whereFolded: fits, visit)
    }
  }
}
