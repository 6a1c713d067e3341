// snippet.aggregate
import Eventually
// snippet.end
import Testing

/// The code of the article "Coming from the Rust crate" of Eventually.
enum FromRust {
  // snippet.aggregate
  struct Account: OptionalAggregate {
    enum Event: Codable { case opened(owner: String), deposited(Int) }
    enum Command { case open(owner: String), deposit(Int) }
    enum Failure: Error, Equatable { case notOpen, alreadyOpen }
    struct State { let owner: String; var balance = 0 }

    // apply_first and apply_next
    func begin(with event: Event) throws(Failure) -> State {
      guard case .opened(let owner) = event else { throw .notOpen }
      return State(owner: owner)
    }

    func apply(_ event: Event, to state: inout State) throws(Failure) {
      guard case .deposited(let amount) = event else { throw .alreadyOpen }
      state.balance += amount
    }

    // handle_first and handle_next
    func handle(_ command: Command, id: String) throws(Failure) -> [Event] {
      guard case .open(let owner) = command else { throw .notOpen }
      return [.opened(owner: owner)]
    }

    func handle(_ command: Command, id: String, state: State) throws(Failure) -> [Event] {
      guard case .deposit(let amount) = command else { throw .alreadyOpen }
      return [.deposited(amount)]
    }
  }
  // snippet.end

  @Suite struct FromRustTests {
    @Test func anAccountLivesInARepository() async throws {
      // snippet.repository
      let store = InMemoryEventStore<String, Account.Event>()
      let accounts = Repository(Account().aggregate, store: store)  // into_aggregate

      var account = try await accounts.get("alice")
      try await account.handle([.open(owner: "Alice"), .deposit(5)])
      try await accounts.save(&account)
      // snippet.end
      #expect(account.state?.balance == 5 && account.version == 2)

      // snippet.subscription
      let subscription = TransientSubscription(store)
      for try await entry in subscription.resume() {
        subscription.checkpoint(entry.position.sequenceNumber)
        if entry.position.version == account.version { break }
      }
      // snippet.end
      #expect(subscription.position == 2)
    }
  }
}
