import Foundation

/// When workers save savepoints by themselves, and how many of them are kept.
public struct SavepointPolicy: Sendable, Hashable {
  /// After so many events; `nil` for never because of events.
  public var events: UInt64?
  /// After so long, where anything has been applied meanwhile; `nil` for never because of time.
  public var interval: Duration?
  /// How many of those that were saved by themselves are kept: the newest.
  public var kept: Int

  /// A policy from its parts.
  public init(events: UInt64?, interval: Duration?, kept: Int) {
    self.events = events
    self.interval = interval
    self.kept = kept
  }

  /// Whether a savepoint is due.
  /// - Parameters:
  ///   - applied: how many events the read model has applied.
  ///   - last: the events and the time of the newest savepoint that was saved by itself.
  func isDue(applied: UInt64, last: (events: UInt64, saved: Timestamp)?, now: Timestamp) -> Bool {
    guard applied > 0 else { return false }
    guard let last else { return interval != nil || applied >= events ?? .max }
    // A read model that was switched back is begun to be saved again where it comes to something new.
    guard applied > last.events else { return false }
    if let events, applied - last.events >= events { return true }
    guard let interval else { return false }
    let seconds = Double(now.microseconds - last.saved.microseconds) / 1e6
    return seconds >= Double(interval.components.seconds)
  }
}

/// Saves savepoints of a read model again and again, on a thread of its own.
///
/// Each worker of a read model may run one: together they save as many as one alone.
actor AutomaticSavepoints {
  private let executor = BlockingExecutor(label: "readmodel.savepoints")
  private let catalog: any ReadModelCatalog
  private let model: any ReadModel
  private let policy: SavepointPolicy
  private let onFailure: @Sendable (any Error) -> Void
  /// The newest savepoint that was saved by itself, when that was last looked for.
  private var last: (events: UInt64, saved: Timestamp)?

  /// The thread that the copying blocks.
  nonisolated var unownedExecutor: UnownedSerialExecutor {
    executor.asUnownedSerialExecutor()
  }

  /// Saves savepoints of what is live.
  /// - Parameters:
  ///   - catalog: the read model's generations and savepoints.
  ///   - model: what is made of events.
  ///   - policy: when a savepoint is due.
  ///   - onFailure: called with the reason why one could not be saved, before that is tried again.
  init(
    _ catalog: any ReadModelCatalog, model: any ReadModel, policy: SavepointPolicy,
    onFailure: @escaping @Sendable (any Error) -> Void
  ) {
    self.catalog = catalog
    self.model = model
    self.policy = policy
    self.onFailure = onFailure
  }

  /// Saves until the task is cancelled.
  func run() async {
    while !Task.isCancelled {
      var pause = Duration.seconds(1)
      do {
        try await saveWhereDue()
      } catch {
        onFailure(error)
        pause = .seconds(30)
      }
      // A cancelled pause ends the loop by its condition.
      try? await Task.sleep(for: pause)
    }
  }

  /// Saves one savepoint where one is due, and deletes those that are too many.
  /// - Returns: what was saved.
  @discardableResult
  func saveWhereDue() async throws(ReadModelError) -> Savepoint? {
    guard let live = try await catalog.liveGeneration() else { return nil }
    let applied = try await catalog.events(in: live)
    guard policy.isDue(applied: applied, last: last, now: Timestamp.now()) else { return nil }
    last = Self.newestAutomatic(of: try await catalog.savepoints())
    guard policy.isDue(applied: applied, last: last, now: Timestamp.now()) else { return nil }
    let time = Timestamp.now().description.prefix { $0 != "." && $0 != "Z" }
      .filter { $0 != "-" && $0 != ":" }
    let saved = try await catalog.saveSavepoint(
      "auto-\(time)-\(applied)", of: model, isAutomatic: true
    ) { [policy] savepoints in
      policy.isDue(
        applied: applied, last: Self.newestAutomatic(of: savepoints), now: Timestamp.now())
    }
    let automatic = try await catalog.savepoints().filter { $0.isAutomatic }
    last = Self.newestAutomatic(of: automatic)
    for savepoint in automatic.dropLast(policy.kept) {
      try await catalog.deleteSavepoint(savepoint.name)
    }
    return saved
  }

  /// - Parameter savepoints: the oldest first.
  private static func newestAutomatic(
    of savepoints: [Savepoint]
  ) -> (events: UInt64, saved: Timestamp)? {
    savepoints.last { $0.isAutomatic }.map { ($0.events, $0.saved) }
  }
}
