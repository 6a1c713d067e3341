public import Eventually

/// How often something goes wrong, as follows from a seed.
public final class Faults: Sendable {
  private let random: Locked<SeededRandom>
  private let failures: Double
  private let longestDelay: Duration

  /// What a seed leads to; tests print it.
  public let seed: UInt64

  /// Faults with a probability, and delays up to a length.
  public init(seed: UInt64, failures: Double = 0.2, longestDelay: Duration = .zero) {
    self.seed = seed
    self.failures = failures
    self.longestDelay = longestDelay
    random = Locked(SeededRandom(seed: seed))
  }

  /// Whether the next thing fails.
  func strikes() -> Bool {
    random.withLock { Double.random(in: 0..<1, using: &$0) < failures }
  }

  /// A pause of random length.
  func delay() async {
    guard longestDelay > .zero else { return }
    let share = random.withLock { Double.random(in: 0...1, using: &$0) }
    // A cancelled pause is a short one.
    try? await Task.sleep(for: longestDelay * share)
  }
}

/// A fault that a wrapper injected.
public struct InjectedFault: Error, Sendable, CustomStringConvertible {
  /// The message.
  public var description: String { "an injected fault" }
}

/// A store in front of another one, whose appends fail at times: before anything was done, or after, so that the caller does
/// not know.
public struct FaultyEventStore<Base: EventStore>: EventStore {
  /// What names a stream.
  public typealias StreamID = Base.StreamID
  /// What the store holds.
  public typealias Event = Base.Event
  private let base: Base
  private let faults: Faults

  /// A store that fails as `faults` say.
  public init(_ base: Base, faults: Faults) {
    self.base = base
    self.faults = faults
  }

  /// Appends, or fails: half of the failures have appended all the same.
  public func append(
    _ events: [Event], to streamID: StreamID, expecting: ExpectedVersion
  ) async throws(EventStoreError) -> AppendResult {
    await faults.delay()
    guard faults.strikes() else {
      return try await base.append(events, to: streamID, expecting: expecting)
    }
    if faults.strikes() {
      _ = try await base.append(events, to: streamID, expecting: expecting)
    }
    throw .unavailable("the store was made to fail", cause: InjectedFault())
  }

  /// The same with an idempotency key.
  public func append(
    _ events: [Event], to streamID: StreamID, expecting: ExpectedVersion,
    idempotencyKey: IdempotencyKey
  ) async throws(EventStoreError) -> IdempotentResult {
    await faults.delay()
    guard faults.strikes() else {
      return try await base.append(
        events, to: streamID, expecting: expecting, idempotencyKey: idempotencyKey)
    }
    if faults.strikes() {
      _ = try await base.append(
        events, to: streamID, expecting: expecting, idempotencyKey: idempotencyKey)
    }
    throw .unavailable("the store was made to fail", cause: InjectedFault())
  }

  /// What the other store says, after a pause.
  public func result(
    of idempotencyKey: IdempotencyKey, on streamID: StreamID
  ) async throws(EventStoreError) -> IdempotentResult? {
    await faults.delay()
    return try await base.result(of: idempotencyKey, on: streamID)
  }

  /// The other store's stream.
  public func stream(_ streamID: StreamID, _ select: ReadRange) -> Base.EventStream {
    base.stream(streamID, select)
  }

  /// The other store's log.
  public func streamAll(_ select: ReadRange) -> Base.Log { base.streamAll(select) }

  /// Removes, or fails before.
  @discardableResult
  public func remove(
    _ streamID: StreamID, expecting: ExpectedVersion
  ) async throws(EventStoreError) -> EventPosition? {
    await faults.delay()
    guard !faults.strikes() else {
      throw .unavailable("the store was made to fail", cause: InjectedFault())
    }
    return try await base.remove(streamID, expecting: expecting)
  }
}

/// A subscription in front of another one, whose deliveries end with errors at times, and whose checkpoints are lost at times.
public struct FaultySubscription<Base: Subscription>: Subscription {
  /// What is delivered.
  public typealias Element = Base.Element
  /// What a checkpoint says.
  public typealias Position = Base.Position
  private let base: Base
  private let faults: Faults

  /// A subscription that fails as `faults` say.
  public init(_ base: Base, faults: Faults) {
    self.base = base
    self.faults = faults
  }

  /// Begins after the last checkpoint that was not lost.
  public func resume() async throws -> Deliveries {
    Deliveries(base: try await base.resume(), faults: faults)
  }

  /// Records a checkpoint, or fails before.
  public func checkpoint(_ position: Base.Position) async throws {
    guard !faults.strikes() else { throw InjectedFault() }
    try await base.checkpoint(position)
  }

  /// The other subscription's deliveries, with faults between them.
  public struct Deliveries: AsyncSequence {
    /// What is delivered.
    public typealias Element = Base.Element
    /// The other subscription's errors, and injected ones.
    public typealias Failure = any Error
    fileprivate let base: Base.Deliveries
    fileprivate let faults: Faults

    /// An iterator at the beginning.
    public func makeAsyncIterator() -> Iterator {
      Iterator(base: base.makeAsyncIterator(), faults: faults)
    }

    /// Reads one delivery after the other.
    public struct Iterator: AsyncIteratorProtocol {
      fileprivate var base: Base.Deliveries.AsyncIterator
      fileprivate let faults: Faults

      /// The next delivery, or an injected fault.
      public mutating func next() async throws -> Base.Element? {
        await faults.delay()
        guard !faults.strikes() else { throw InjectedFault() }
        return try await base.next()
      }
    }
  }
}
