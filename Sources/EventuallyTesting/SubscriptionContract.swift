import Eventually

/// What every subscription must do, of a `Subscription` as of a `PartitionedSubscription`. Each check makes a world of its own, with a log in which there is nothing yet.
public struct SubscriptionContract<S: Sendable, Deliveries: AsyncSequence & SendableMetatype>:
  Sendable
where Deliveries.Element: Sendable {
  /// A log, and subscriptions to it.
  public struct World: Sendable {
    /// Adds so many entries to the log.
    public var append: @Sendable (Int) async throws -> Void
    /// A subscription that has the checkpoints of those before it, as after a restart.
    public var subscribe: @Sendable () async throws -> S
    /// Calls the subscription's `resume`.
    public var resume: @Sendable (S) async throws -> Deliveries
    /// What tells the entries of a delivery apart, the same whenever they are delivered; in order for each partition.
    public var entries: @Sendable (Deliveries.Element) -> [String]
    /// Records that a delivery has been applied.
    public var applied: @Sendable (Deliveries.Element, S) async throws -> Void
    /// Ends a subscription.
    public var close: @Sendable (S) async -> Void

    /// A world from its parts.
    public init(
      append: @escaping @Sendable (Int) async throws -> Void,
      subscribe: @escaping @Sendable () async throws -> S,
      resume: @escaping @Sendable (S) async throws -> Deliveries,
      entries: @escaping @Sendable (Deliveries.Element) -> [String],
      applied: @escaping @Sendable (Deliveries.Element, S) async throws -> Void,
      close: @escaping @Sendable (S) async -> Void = { _ in }
    ) {
      self.append = append
      self.subscribe = subscribe
      self.resume = resume
      self.entries = entries
      self.applied = applied
      self.close = close
    }
  }

  private let makeWorld: @Sendable () async throws -> World

  /// - Parameter makeWorld: makes a world in which nothing has happened.
  public init(_ makeWorld: @escaping @Sendable () async throws -> World) {
    self.makeWorld = makeWorld
  }

  /// All checks. A subscription that ends with the log as it was is not asked for what comes later.
  public func checks(endsWithLog: Bool = false) -> [ContractCheck] {
    var checks = [
      check("without a checkpoint it begins with the first entry, and delivers each once", whole),
      check("it resumes after the checkpoint, not at it", resumes),
      check("what was delivered and not applied is delivered again", redelivers),
    ]
    if !endsWithLog { checks.append(check("it delivers what comes later", live)) }
    return checks
  }

  private func check(
    _ description: String, _ body: @escaping @Sendable (World) async throws -> Void
  ) -> ContractCheck {
    ContractCheck(description) { [makeWorld] in try await body(try await makeWorld()) }
  }

  /// Reads until so many entries have been delivered.
  private func read(
    _ world: World, _ count: Int, applying: Bool,
    meanwhile: @Sendable () async throws -> Void = {}
  ) async throws -> [String] {
    let subscription = try await world.subscribe()
    var seen: [String] = []
    do {
      for try await element in try await world.resume(subscription) {
        seen += world.entries(element)
        if applying { try await world.applied(element, subscription) }
        try await meanwhile()
        if seen.count >= count { break }
      }
    } catch {
      await world.close(subscription)
      throw error
    }
    await world.close(subscription)
    return seen
  }

  @Sendable private func whole(_ world: World) async throws {
    try await world.append(300)
    let seen = try await read(world, 300, applying: true)
    try require(seen.count == 300, "delivered \(seen.count) of 300")
    try require(Set(seen).count == 300, "delivered some twice: \(seen.count - Set(seen).count)")
  }

  @Sendable private func resumes(_ world: World) async throws {
    try await world.append(100)
    let before = try await read(world, 100, applying: true)
    try await world.append(50)
    let after = try await read(world, 50, applying: true)
    try require(Set(before).isDisjoint(with: after), "some were delivered again")
    try require(after.count == 50, "delivered \(after.count) of 50 new ones")
  }

  @Sendable private func redelivers(_ world: World) async throws {
    try await world.append(20)
    // Only the first delivery: a subscription may wait with the next until it is told of that.
    let first = try await read(world, 1, applying: false)
    let second = try await read(world, 20, applying: true)
    try require(second.count == 20 && Set(second).count == 20, "delivered \(second.count) of 20")
    try require(Set(first).isSubset(of: second), "\(first.count) were not delivered again")
  }

  @Sendable private func live(_ world: World) async throws {
    try await world.append(1)
    let rounds = Locked(0)
    let seen = try await read(world, 5, applying: true) {
      let isDue = rounds.withLock { rounds in
        rounds += 1
        return rounds <= 4
      }
      if isDue { try await world.append(1) }
    }
    try require(Set(seen).count == 5, "delivered \(seen)")
  }
}
