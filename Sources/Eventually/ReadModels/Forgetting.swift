/// Forgets removed streams in a read model's generations and savepoints again and again, on a thread of its own.
///
/// Each worker of a read model may run one.
actor Forgetting {
  private let executor = BlockingExecutor(label: "readmodel.forgetting")
  private let catalog: any ReadModelCatalog
  private let model: any ReadModel
  private let onRemainder: @Sendable ([ForgettingOutcome.Remainder]) -> Void
  private let onFailure: @Sendable (any Error) -> Void
  /// What was left over last.
  private nonisolated let remainders = Locked<[ForgettingOutcome.Remainder]>([])

  /// The thread that files are written on.
  nonisolated var unownedExecutor: UnownedSerialExecutor {
    executor.asUnownedSerialExecutor()
  }

  /// Forgets what is removed from a read model.
  /// - Parameters:
  ///   - catalog: the read model's generations and savepoints.
  ///   - model: forgets rows.
  ///   - onRemainder: called with the places where something may still be left, where they are others than before; they are tried again.
  ///   - onFailure: called with the reason why nothing could be done, before that is tried again.
  init(
    _ catalog: any ReadModelCatalog, model: any ReadModel,
    onRemainder: @escaping @Sendable ([ForgettingOutcome.Remainder]) -> Void,
    onFailure: @escaping @Sendable (any Error) -> Void
  ) {
    self.catalog = catalog
    self.model = model
    self.onRemainder = onRemainder
    self.onFailure = onFailure
  }

  /// Where something of a removed stream may still be left, as last found.
  nonisolated var left: [ForgettingOutcome.Remainder] { remainders.withLock { $0 } }

  /// Forgets until the task is cancelled.
  func run() async {
    // A savepoint may have been left behind by whoever was killed, while the live generation has nothing to forget.
    var isDue = true
    var failures = 0
    while !Task.isCancelled {
      var pause = Duration.seconds(1)
      do {
        if isDue ? true : try await catalog.hasPendingRemovals() {
          let begun = ContinuousClock.now
          let outcome = try await catalog.forgetRemoved(model, asWorker: true) { _, _ in }
          // What only a checkpoint lists is not found otherwise.
          isDue = !outcome.left.isEmpty
          tell(outcome.left)
          failures = outcome.left.isEmpty ? 0 : failures + 1
          // Where removals come one after the other, files are not written anew for each.
          pause = max(pause, (ContinuousClock.now - begun) * 20)
        } else {
          failures = 0
          tell([])
        }
      } catch {
        failures += 1
        onFailure(error)
      }
      if failures > 0 { pause = max(pause, .seconds(1 << min(failures - 1, 8))) }
      // A cancelled pause ends the loop by its condition.
      try? await Task.sleep(for: pause)
    }
  }

  private func tell(_ left: [ForgettingOutcome.Remainder]) {
    guard left != self.left else { return }
    remainders.withLock { $0 = left }
    if !left.isEmpty { onRemainder(left) }
  }
}
