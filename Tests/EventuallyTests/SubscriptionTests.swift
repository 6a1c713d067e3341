import Eventually
import Testing

@Suite struct SubscriptionTests {
  private func store(_ count: Int) throws -> CounterStore {
    let store = CounterStore()
    for number in 1...count { _ = try store.append([.added(number)], to: "a", expecting: .any) }
    return store
  }

  private func first(
    _ count: Int, of subscription: TransientSubscription<CounterStore>
  ) async throws -> [UInt64] {
    var seen: [UInt64] = []
    for try await entry in subscription.resume() {
      seen.append(entry.position.sequenceNumber)
      if seen.count == count { break }
    }
    return seen
  }

  /// The seed resumes with the event of the checkpoint, and so delivers it again.
  @Test func resumeBeginsAfterTheCheckpoint() async throws {
    let subscription = TransientSubscription(try store(5))
    #expect(subscription.position == nil)
    #expect(try await first(2, of: subscription) == [1, 2])
    subscription.checkpoint(2)
    #expect(try await first(3, of: subscription) == [3, 4, 5])
    subscription.checkpoint(1)
    #expect(subscription.position == 2)
  }

  /// In the Rust crate a checkpoint at 0 and no checkpoint look alike.
  @Test func neverIsNotTheSameAsACheckpoint() {
    let store = CounterStore()
    #expect(TransientSubscription(store).position == nil)
    #expect(TransientSubscription(store, checkpoint: 0).position == 0)
  }

  private final class Sum: Projection {
    struct Hiccup: Error {}
    let total = Locked(0)
    let failuresLeft: Locked<[UInt64: Int]>
    let done = PositionSignal(at: 0)

    init(failing: [UInt64: Int] = [:]) {
      failuresLeft = Locked(failing)
    }

    func project(_ event: Persisted<String, Counter.Event>) throws {
      try failuresLeft.withLock { left in
        if let count = left[event.sequenceNumber], count > 0 {
          left[event.sequenceNumber] = count - 1
          throw Hiccup()
        }
      }
      if case .added(let number) = event.event { total.withLock { $0 += number } }
      done.advance(to: event.sequenceNumber)
    }

    func forget(_ streamID: String) {
      total.withLock { $0 = 0 }
    }
  }

  private let quick = RetryPolicy(
    attempts: 3, firstPause: .milliseconds(1), longestPause: .milliseconds(2))

  /// The seed's projector ends at the first error.
  @Test func aProjectorTriesAgain() async throws {
    let subscription = TransientSubscription(try store(5))
    let sum = Sum(failing: [3: 2])
    let running = Task { [quick] in
      try await Projector(sum, from: subscription, retry: quick).run()
    }
    await sum.done.wait(past: 4)
    running.cancel()
    _ = await running.result
    #expect(sum.total.withLock { $0 } == 15)
  }

  @Test func aProjectorThatGivesUpStopsBeforeTheEvent() async throws {
    let subscription = TransientSubscription(try store(5))
    let sum = Sum(failing: [3: 3])
    let projector = Projector(sum, from: subscription, retry: quick)
    do {
      try await projector.run()
      Issue.record("the projector went on")
    } catch let error as ProjectorError {
      #expect(error.position.sequenceNumber == 3)
      #expect(error.attempts == 3)
    }
    #expect(subscription.position == 2)
  }
}
