import Eventually

/// Notes in the store how far it is published, under the relay's term. What is noted may lag behind: where it does after a
/// crash, the topic's end tells the rest.
actor RelayCursor<Source: Outbox> {
  private let source: Source
  private let term: RelayTerm
  private let relay: RelayState
  private var saved: UInt64
  private var savedProgress: PublishedProgress?
  /// Called with why the store could not note it, and with `nil` when it could.
  private let told: @Sendable (String?) -> Void

  /// - Parameters:
  ///   - saved: what the store has noted.
  ///   - savedProgress: what it has noted of single partitions.
  init(
    _ source: Source, term: RelayTerm, relay: RelayState, saved: UInt64,
    savedProgress: PublishedProgress?, _ told: @escaping @Sendable (String?) -> Void
  ) {
    self.source = source
    self.term = term
    self.relay = relay
    self.saved = saved
    self.savedProgress = savedProgress
    self.told = told
  }

  /// Notes it every second while it rises, until the task is cancelled.
  /// - Throws: ``RelayFenced``, `CancellationError`.
  func run(_ heartbeat: Heartbeat) async throws {
    defer { heartbeat.ended() }
    while true {
      try await Task.sleep(for: .seconds(1))
      heartbeat.beat()
      try await save()
    }
  }

  /// Notes it now, where it has risen; also from a task that is cancelled.
  /// - Throws: ``RelayFenced``. Every other failure is told, and what is published does not depend on it.
  func save() async throws {
    let progress = relay.perPartition
    let published = progress?.through ?? relay.progress.published
    let isProgress = progress != savedProgress
    guard isProgress || published > saved else { return }
    do {
      try await Task { [source, term] in
        if isProgress {
          try await source.markPublished(
            progress ?? PublishedProgress(through: published), under: term)
        } else {
          try await source.markPublished(published, under: term)
        }
      }.value
      saved = published
      savedProgress = progress
      told(nil)
    } catch let fenced as RelayFenced {
      term.fence()
      throw fenced
    } catch {
      // A full disk, for example; the next round tries again.
      told("\(error)")
    }
  }
}
