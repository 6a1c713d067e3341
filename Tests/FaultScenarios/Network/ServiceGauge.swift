import Eventually

/// Samples how well the service goes on.
final class ServiceGauge: Sendable {
  private struct State {
    var gaps = ServiceGaps(partitions: 4, at: .now)
    var acknowledged = 0
    var lastRise = ContinuousClock.now
  }

  private let state = Locked(State())

  var longest: ServiceGaps.Longest { state.withLock { $0.gaps.longest } }

  func begin() { state.withLock { $0.gaps.begin() } }

  /// Whether a command was acknowledged, and all read models have what there was then.
  func isGoingOn(since time: ContinuousClock.Instant) -> Bool {
    state.withLock { $0.lastRise > time && $0.gaps.isApplied }
  }

  /// Samples until it is cancelled.
  func run(
    _ load: Load, _ log: any StoreLog, _ models: [PlayedReadModel], in readModels: String
  ) async throws {
    var readers: [any ReadModelSource] = []
    for model in models { readers.append(try await model.reader(in: readModels)) }
    while !Task.isCancelled {
      let count = load.acknowledged.count
      state.withLock { state in
        let now = ContinuousClock.now
        state.gaps.acknowledged(count, at: now)
        if count > state.acknowledged { (state.acknowledged, state.lastRise) = (count, now) }
      }
      if let heads = try? await log.heads(), let applied = await Self.applied(readers) {
        state.withLock { $0.gaps.applied(applied, of: heads, at: .now) }
      }
      try await Task.sleep(for: .milliseconds(100))
    }
  }

  /// How far each partition is applied in all of them.
  private static func applied(_ readers: [any ReadModelSource]) async -> [UInt64]? {
    var positions = [UInt64](repeating: .max, count: 4)
    for reader in readers {
      guard let checkpoints = try? await reader.checkpoints() else { return nil }
      for index in positions.indices {
        let found = checkpoints.first { $0.partition == Partition(index) }
        positions[index] = min(positions[index], found?.position ?? 0)
      }
    }
    return positions
  }
}
