import Eventually
import Logging

/// The publisher's part in who publishes.
extension KafkaPublisher {
  /// Waits until this process may publish. Meanwhile it tells how far another one is.
  func acquire() async throws -> RelayTerm {
    let term = try await withThrowingTaskGroup(of: RelayTerm?.self) { group in
      group.addTask { try await self.source.lease { self.standBy($0) } }
      group.addTask {
        await self.followOther()
        return nil
      }
      defer { group.cancelAll() }
      while let found = try await group.next() {
        if let found { return found }
      }
      throw CancellationError()
    }
    state.withLock {
      if $0.phase == .standby { $0.phase = .connecting }
      $0.epoch = term.length == nil ? nil : term.epoch
    }
    refreshGauges()
    if term.length != nil {
      logger.notice(
        "this process publishes the store's events now", metadata: ["epoch": "\(term.epoch)"])
    }
    return term
  }

  /// Lets another process publish.
  func end(_ term: RelayTerm, _ error: any Error) async {
    let isHeld = term.isHeld
    await term.release()
    state.withLock { $0.epoch = nil }
    refreshGauges()
    guard term.length != nil else { return }
    if isHeld {
      logger.notice(
        "this process publishes no more, and has told the store",
        metadata: ["epoch": "\(term.epoch)"])
    } else {
      logger.warning(
        "this process publishes no more, and another may",
        metadata: ["epoch": "\(term.epoch)", "reason": "\(error)"])
    }
  }

  /// Another process publishes.
  private func standBy(_ holder: RelayHolder) {
    let (refused, isNew) = state.withLock { status in
      defer {
        status.phase = .standby
        status.holder = holder
        status.failure = nil
        status.refused = []
      }
      return (status.refused, status.holder != holder)
    }
    if !refused.isEmpty { record([], before: refused) }
    guard isNew else { return }
    refreshGauges()
    logger.info(
      "another process publishes the store's events; this one stands by",
      metadata: ["holder": "\(holder.name)", "epoch": "\(holder.epoch)"])
  }

  /// Reads every second how far another process is, until the task is cancelled.
  private func followOther() async {
    while !Task.isCancelled {
      // A cancelled pause ends the loop by its condition.
      try? await Task.sleep(for: .seconds(1))
      // What can't be read now is read in a second; that the store is away is told by the claims.
      guard status.phase == .standby, let cursor = try? await source.published() else { continue }
      noteCursor(cursor)
    }
  }

  /// The store has told up to where it was published: that counts also where it went back, and this process knew of more.
  func noteCursor(_ cursor: UInt64) {
    state.withLock {
      $0.published = cursor
      $0.isCursorKnown = true
    }
    published.fall(to: cursor)
    published.advance(to: cursor)
  }

  /// - Parameter failure: why the store could not note how far it is published; `nil` where it could.
  func noteCursorFailure(_ failure: String?) {
    let isNew = state.withLock { status in
      defer { status.cursorFailure = failure }
      return status.cursorFailure == nil
    }
    guard isNew, let failure else { return }
    logger.error(
      "how far the store is published can't be noted", metadata: ["error": "\(failure)"])
  }
}
