import Eventually

/// Retries or discards some parked streams, or tries what a retry would do.
struct ParkedChange: Sendable {
  enum Kind: String {
    case retry, discard
  }

  struct Result: Sendable {
    enum Outcome: String {
      case applied, fails, discarded
    }

    var stream: String
    var partition: Partition
    var events: Int
    var outcome: Outcome
    var reason: String?
    var changes: [RowChange] = []
  }

  /// More streams are not changed by one request.
  static let streamLimit = 100
  /// More events of one stream are not tried.
  static let trialLimit = 1_000
  /// More rows of one stream are not shown.
  static let rowLimit = 50
  /// A request takes no further stream after this time.
  static let patience = Duration.seconds(2)

  let kind: Kind
  let isTrial: Bool

  /// What a change was of, for the audit log: `sales: f-13 (3 events)`.
  static func target(_ readModel: String, _ results: [Result]) -> String {
    let named = results.prefix(3).map(\.stream.excerpt)
    let others = results.count - named.count
    let events = results.reduce(0) { $0 + $1.events }
    return "\(readModel): \(named.joined(separator: ", "))"
      + (others > 0 ? " and \(others) more" : "")
      + " (\(events) event\(events == 1 ? "" : "s"))"
  }

  /// - Returns: what came of them, and how many were left out for the want of time.
  func perform(
    _ streams: [ParkedStream], of readModel: ConsoleReadModel
  ) async throws -> (results: [Result], left: Int) {
    if kind == .discard, isTrial {
      return (
        streams.map {
          Result(
            stream: $0.streamID, partition: $0.partition, events: $0.events, outcome: .discarded)
        }, 0
      )
    }
    guard let live = try await readModel.catalog.liveGeneration() else {
      throw ReadModelError.notBuilt(location: readModel.catalog.location)
    }
    return try await perform(streams, live, readModel.definition, readModel)
  }

  private func perform(
    _ streams: [ParkedStream], _ live: Int, _ definition: some ReadModelDefinition,
    _ readModel: ConsoleReadModel
  ) async throws -> (results: [Result], left: Int) {
    let source = try await readModel.catalog.reader(of: live, readers: 1, timeLimit: nil)
    let store = try await readModel.catalog.openGeneration(
      live, model: definition.model, codec: definition.codec, storeID: source.storeID,
      partitionCount: source.partitionCount)
    let deadline = ContinuousClock.now + Self.patience
    var results: [Result] = []
    var passedOver = 0
    for stream in streams {
      if !results.isEmpty, .now >= deadline { break }
      do {
        if kind == .retry, !isTrial {
          await readModel.catalog.noteRetry(of: stream.streamID, in: source, to: live)
        }
        results.append(try await perform(stream, in: store))
      } catch let error as ReadModelError {
        // Somebody else was faster.
        guard case .notParked = error else { throw error }
        passedOver += 1
      }
    }
    return (results, streams.count - results.count - passedOver)
  }

  private func perform(
    _ stream: ParkedStream, in store: any GenerationStore
  ) async throws -> Result {
    let name = stream.streamID
    if kind == .discard {
      let count = try await store.dropParked(name)
      return Result(stream: name, partition: stream.partition, events: count, outcome: .discarded)
    }
    if isTrial {
      let trial = try await store.tryParked(name, limit: Self.trialLimit)
      return Result(
        stream: name, partition: stream.partition, events: trial.events,
        outcome: trial.failure == nil ? .applied : .fails,
        reason: trial.failure?.reason, changes: trial.changes)
    }
    do {
      let count = try await store.retryParked(name)
      return Result(stream: name, partition: stream.partition, events: count, outcome: .applied)
    } catch let error as ProjectionFailures {
      return Result(
        stream: name, partition: stream.partition, events: stream.events, outcome: .fails,
        reason: error.failures.first?.reason)
    }
  }
}
