public import Eventually

/// What a read model makes of the events of several aggregates, as a test says it.
///
/// ```swift
/// try CompositeScenario(Owners())
///   .given(Account.self, "1", .opened(owner: "ada"))
///   .given(Customer.self, "ada", .named("Ada"))
///   .then(OwnerRow.self, "ada", OwnerRow(id: "ada", name: "Ada", accounts: 1))
/// ```
public struct CompositeScenario: Sendable {
  private var scenario: ReadModelScenario<CompositeProjection>

  /// A scenario without events.
  /// - Throws: `CompositeReadModelError` where two projections are of one category.
  public init(_ model: some CompositeReadModel) throws {
    scenario = ReadModelScenario(try CompositeProjection(model))
  }

  /// Events of an entity, appended at a time.
  public func given<A: Aggregate>(
    _ aggregate: A.Type, _ id: String, _ events: A.Event...,
    at time: Timestamp = Timestamp(microseconds: 0)
  ) -> CompositeScenario where A.ID == String {
    with {
      $0.given(
        A.category.streamName(of: id),
        events.map { AnyEvent(category: A.category, event: $0) }, at: time)
    }
  }

  /// An entity's stream is erased.
  public func removed<A: Aggregate>(
    _ aggregate: A.Type, _ id: String
  ) -> CompositeScenario where A.ID == String {
    with { $0.removed(A.category.streamName(of: id)) }
  }

  private func with(
    _ change: (ReadModelScenario<CompositeProjection>) -> ReadModelScenario<CompositeProjection>
  ) -> CompositeScenario {
    var copy = self
    copy.scenario = change(scenario)
    return copy
  }

  /// What a query finds in the rows that the events lead to.
  public func query<Answer>(_ query: (any SQLRows) throws -> Answer) throws -> Answer {
    try scenario.query(query)
  }

  /// The rows that the events lead to.
  /// - Throws: what the read model throws.
  public func rows() throws -> Rows { try scenario.rows() }

  /// The row with a key is this one; `nil` where there must be none.
  public func then<Row: ReadModelRow>(
    _ type: Row.Type, _ key: Row.Key, _ expected: Row?
  ) throws {
    try scenario.then(type, key, expected)
  }

  /// The table has exactly these rows.
  public func thenAll<Row: ReadModelRow>(_ expected: [Row]) throws {
    try scenario.thenAll(expected)
  }

  /// The events can't be projected.
  public func thenFails() throws { try scenario.thenFails() }
}
