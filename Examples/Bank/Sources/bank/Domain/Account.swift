import Eventually

/// A customer's account. Amounts are in cents.
struct Account: Aggregate {
  static let category: StreamCategory = "account"
  static let amounts: ClosedRange<Int64> = 1...1_000_000_000

  enum Event: Codable, Equatable {
    case opened(customer: String)
    case deposited(cents: Int64)
    case withdrawn(cents: Int64)
    case closed
  }

  enum Command {
    case open(customer: String)
    case deposit(cents: Int64)
    case withdraw(cents: Int64)
    case close
  }

  enum Failure: Error, Equatable {
    case customerMissing, amountOutOfRange
    case notOpened
    case alreadyOpened, closed, notCovered(balance: Int64), notEmpty(balance: Int64), full
  }

  struct State: Codable {
    var customer: String?
    var cents: Int64 = 0
    var isClosed = false
  }

  var initialState: State { State() }

  func apply(_ event: Event, to state: inout State) {
    switch event {
    case .opened(let customer): state.customer = customer
    case .deposited(let cents): state.cents += cents
    case .withdrawn(let cents): state.cents -= cents
    case .closed: state.isClosed = true
    }
  }

  func handle(_ command: Command, id: String, state: State) throws(Failure) -> [Event] {
    if case .open(let customer) = command {
      guard state.customer == nil else { throw .alreadyOpened }
      guard !customer.isEmpty else { throw .customerMissing }
      return [.opened(customer: customer)]
    }
    guard state.customer != nil else { throw .notOpened }
    guard !state.isClosed else { throw .closed }
    switch command {
    case .open: return []
    case .deposit(let cents):
      guard Self.amounts.contains(cents) else { throw .amountOutOfRange }
      // Beyond it, the sums of read models could overflow.
      guard state.cents <= 1_000_000_000_000 else { throw .full }
      return [.deposited(cents: cents)]
    case .withdraw(let cents):
      guard Self.amounts.contains(cents) else { throw .amountOutOfRange }
      guard cents <= state.cents else { throw .notCovered(balance: state.cents) }
      return [.withdrawn(cents: cents)]
    case .close:
      guard state.cents == 0 else { throw .notEmpty(balance: state.cents) }
      return [.closed]
    }
  }
}
