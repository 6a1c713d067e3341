import Eventually

/// Somebody who has accounts.
struct Customer: Aggregate {
  static let category: StreamCategory = "customer"

  enum Event: Codable, Equatable { case registered(name: String), renamed(name: String) }
  enum Command { case register(name: String), rename(name: String) }
  enum Failure: Error, CaseIterable { case nameMissing, alreadyRegistered, notRegistered }
  struct State: Codable { var name: String? }

  var initialState: State { State() }

  func apply(_ event: Event, to state: inout State) {
    switch event {
    case .registered(let name), .renamed(let name): state.name = name
    }
  }

  func handle(_ command: Command, id: String, state: State) throws(Failure) -> [Event] {
    switch command {
    case .register(let name):
      guard state.name == nil else { throw .alreadyRegistered }
      guard !name.isEmpty else { throw .nameMissing }
      return [.registered(name: name)]
    case .rename(let name):
      guard let current = state.name else { throw .notRegistered }
      guard !name.isEmpty else { throw .nameMissing }
      return name == current ? [] : [.renamed(name: name)]
    }
  }
}
