/// A read model that takes the events of several aggregates.
///
/// ```swift
/// struct Owners: CompositeReadModel {
///   let name = "owners"
///   let schemaVersion = 1
///   let tables: [any ReadModelRow.Type] = [OwnerRow.self]
///
///   var projections: [On] {
///     On(Account.self) { account, rows in … } forget: { id, rows in … }
///     On(Customer.self) { customer, rows in … } forget: { id, rows in … }
///   }
/// }
/// ```
///
/// Each aggregate has a category of its own. What ``ReadModel`` says of rows that several partitions touch holds here too:
/// streams of different aggregates come in no order that one could count on, also where their ids are equal.
public protocol CompositeReadModel: Sendable {
  /// The read model's name: of its files or schemas, its consumer group, its commands.
  var name: String { get }
  /// Raised whenever the tables or what goes into them change; a database of another version is refused.
  var schemaVersion: Int { get }
  /// The row types of all tables.
  var tables: [any ReadModelRow.Type] { get }
  /// What is done with the events of each aggregate; events of other aggregates are not taken.
  @ProjectionBuilder var projections: [On] { get }
}

/// Makes a list of projections.
@resultBuilder public enum ProjectionBuilder {
  /// The projections, in order.
  public static func buildBlock(_ projections: On...) -> [On] { projections }
}

/// What a ``CompositeReadModel`` does with the events of one aggregate. Streams go by their ids, without the category.
public struct On: Sendable {
  package let category: StreamCategory
  let codec: any EventCodec
  let project: @Sendable (Persisted<String, AnyEvent>, Rows) throws -> Void
  let forget: @Sendable (_ id: String, Rows) throws -> Void

  private init<Codec: EventCodec>(
    _ category: StreamCategory, _ codec: Codec,
    _ project: @escaping @Sendable (Persisted<String, Codec.Event>, Rows) throws -> Void,
    _ forget: @escaping @Sendable (_ id: String, Rows) throws -> Void
  ) {
    self.category = category
    self.codec = codec
    self.project = { persisted, rows in
      guard let event = persisted.event.event as? Codec.Event else {
        throw WrongEventType(persisted.event, expected: Codec.Event.self)
      }
      try project(
        Persisted(
          streamID: category.id(ofStream: persisted.streamID) ?? persisted.streamID,
          position: persisted.position, id: persisted.id, time: persisted.time, event: event,
          metadata: persisted.metadata), rows)
    }
    self.forget = forget
  }

  /// The projection of an aggregate whose events are plain `Codable`.
  /// - Parameters:
  ///   - aggregate: its category is that of the events.
  ///   - project: changes rows by an event. Where it throws, the event is tried again, and then parked.
  ///   - forget: takes back everything that came from a stream which has been removed for good.
  public init<A: Aggregate>(
    _ aggregate: A.Type,
    project: @escaping @Sendable (Persisted<String, A.Event>, Rows) throws -> Void,
    forget: @escaping @Sendable (_ id: String, Rows) throws -> Void
  ) where A.ID == String, A.Event: Codable {
    self.init(A.category, JSONEventCodec<A.Event>(), project, forget)
  }

  /// The projection of an aggregate that has a codec of its own; see ``init(_:project:forget:)``.
  public init<A: CodedAggregate>(
    _ aggregate: A.Type,
    project: @escaping @Sendable (Persisted<String, A.Event>, Rows) throws -> Void,
    forget: @escaping @Sendable (_ id: String, Rows) throws -> Void
  ) {
    self.init(A.category, A.codec, project, forget)
  }

  /// The same: where the events are `Codable` too, it is the codec that counts.
  public init<A: CodedAggregate>(
    _ aggregate: A.Type,
    project: @escaping @Sendable (Persisted<String, A.Event>, Rows) throws -> Void,
    forget: @escaping @Sendable (_ id: String, Rows) throws -> Void
  ) where A.Event: Codable {
    self.init(A.category, A.codec, project, forget)
  }
}

/// A ``CompositeReadModel`` as a read model of events of any category.
package struct CompositeProjection: ReadModel {
  private let model: any CompositeReadModel
  private let projections: [On]
  /// Decodes the events of the read model's categories, and takes no others.
  package let codec: CategoriesCodec

  /// - Throws: ``CompositeReadModelError`` where two projections are of one category, ``ContentTypesDiffer``.
  package init(_ model: any CompositeReadModel) throws {
    self.model = model
    projections = model.projections
    var codecs: [StreamCategory: any EventCodec] = [:]
    for projection in projections {
      guard codecs.updateValue(projection.codec, forKey: projection.category) == nil else {
        throw CompositeReadModelError(name: model.name, category: projection.category)
      }
    }
    codec = try CategoriesCodec(codecs, isComplete: false)
  }

  package var name: String { model.name }
  package var schemaVersion: Int { model.schemaVersion }
  package var tables: [any ReadModelRow.Type] { model.tables }

  package func project(_ event: Persisted<String, AnyEvent>, into rows: Rows) throws {
    try projections.first { $0.category == event.event.category }?.project(event, rows)
  }

  package func forget(_ streamID: String, in rows: Rows) throws {
    for projection in projections {
      guard let id = projection.category.id(ofStream: streamID) else { continue }
      try projection.forget(id, rows)
    }
  }
}

/// A composite read model with two projections of one category.
public struct CompositeReadModelError: Error, Sendable, CustomStringConvertible {
  /// The read model.
  public var name: String
  /// The category.
  public var category: StreamCategory

  /// Names both, and says what to do.
  public var description: String {
    "the read model '\(name)' has two projections of the category '\(category)': each aggregate needs a category of its own, "
      + "and one projection"
  }
}
