import Eventually

/// The smallest aggregate that has something to refuse.
struct Counter: Aggregate {
  enum Event: Equatable, Sendable { case added(Int) }
  enum Command: Sendable { case add(Int) }
  struct Negative: Error, Equatable {}
  typealias Failure = Negative

  var initialState: Int { 0 }

  func apply(_ event: Event, to state: inout Int) {
    switch event {
    case .added(let number): state += number
    }
  }

  func handle(_ command: Command, id: String, state: Int) throws(Negative) -> [Event] {
    switch command {
    case .add(let number) where number < 0: throw Negative()
    case .add(let number): [.added(number)]
    }
  }
}

typealias CounterStore = InMemoryEventStore<String, Counter.Event>
