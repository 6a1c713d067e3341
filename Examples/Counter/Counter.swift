import Eventually

/// A counter that can't go below zero: the smallest thing that has something to refuse.
struct Counter: Aggregate {
  enum Event { case changed(by: Int) }
  enum Command { case change(by: Int) }
  enum Failure: Error { case belowZero }

  var initialState: Int { 0 }

  func apply(_ event: Event, to count: inout Int) {
    switch event {
    case .changed(let difference): count += difference
    }
  }

  func handle(_ command: Command, id: String, state count: Int) throws(Failure) -> [Event] {
    switch command {
    case .change(let difference):
      guard count + difference >= 0 else { throw .belowZero }
      return [.changed(by: difference)]
    }
  }
}

/// The sum of all counters, kept up to date by their events.
actor Sum: Projection {
  private(set) var sum = 0

  func project(_ event: Persisted<String, Counter.Event>) {
    switch event.event {
    case .changed(let difference): sum += difference
    }
  }

  func forget(_ streamID: String) {}
}

@main struct Main {
  static func main() async throws {
    let store = InMemoryEventStore<String, Counter.Event>()
    let counters = Repository(Counter(), store: store)
    let sum = Sum()
    let projecting = Task { try await Projector(sum, from: TransientSubscription(store)).run() }

    _ = try await counters.execute([.change(by: 3), .change(by: 4)], on: "apples")
    let (pears, _) = try await counters.execute([.change(by: 5)], on: "pears")
    do {
      _ = try await counters.execute([.change(by: -6)], on: "pears")
    } catch Counter.Failure.belowZero {
      print("there are only \(pears.state) pears")
    }
    while await sum.sum < 12 { await Task.yield() }
    print("the sum is \(await sum.sum)")
    projecting.cancel()
  }
}
