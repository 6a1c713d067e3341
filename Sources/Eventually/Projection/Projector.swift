/// Drives one projection from one subscription, in order, for as long as its task runs.
///
/// After the Rust crate's `Projector`, which ended at the first error. This one tries again as its
/// ``RetryPolicy`` says, and then stops *before* the event: the checkpoint stays where it was, so that
/// nothing is skipped when it runs again.
public struct Projector<P: Projection, S: Subscription>: Sendable
where S.Element == LogEntry<P.StreamID, P.Event>, S.Position == UInt64 {
  private let projection: P
  private let subscription: S
  private let retry: RetryPolicy

  /// A projector that feeds `projection` from `subscription`.
  public init(_ projection: P, from subscription: S, retry: RetryPolicy = RetryPolicy()) {
    self.projection = projection
    self.subscription = subscription
    self.retry = retry
  }

  /// Applies entries until the task is cancelled or the subscription ends.
  /// - Throws: ``ProjectorError`` where an event can't be projected; the subscription's error otherwise.
  public func run() async throws {
    for try await entry in try await subscription.resume() {
      try await project(entry)
      try await subscription.checkpoint(entry.position.sequenceNumber)
    }
  }

  private func project(_ entry: LogEntry<P.StreamID, P.Event>) async throws {
    var generator = SystemRandomNumberGenerator()
    for attempt in 1... {
      do {
        switch entry {
        case .event(let persisted):
          // What the projection appends elsewhere follows from this event.
          try await EventMetadata.$current.withValue(.following(persisted)) {
            try await projection.project(persisted)
          }
        case .removed(let streamID, _, _): try await projection.forget(streamID)
        case .erased, .other: break
        case .unreadable(let event): throw UnreadableEventError(event)
        }
        return
      } catch {
        guard attempt < retry.attempts else {
          throw ProjectorError(position: entry.position, attempts: attempt, cause: error)
        }
        try await Task.sleep(for: retry.pause(afterFailures: attempt, using: &generator))
      }
    }
  }
}

/// An event that a projection failed on for good.
public struct ProjectorError: Error, Sendable, CustomStringConvertible {
  /// Where the event is. The checkpoint is before it.
  public var position: EventPosition
  /// How often it was tried.
  public var attempts: Int
  /// What the projection threw last.
  public var cause: any Error

  /// The message.
  public var description: String {
    "the event at sequence number \(position.sequenceNumber) could not be projected "
      + "in \(attempts) attempts: \(cause)"
  }
}
