public import Eventually
import HTTPTypes

/// Takes the components of an application.
///
/// Their order does not matter: what one needs of another is looked up when all are there.
public struct Registry {
  var aggregates: [RegisteredAggregate] = []
  var readModels: [PendingReadModel] = []
  var writerRoutes: [WriterRoutes] = []
  var queries: [RegisteredQuery] = []
  var pages: [ConsolePage] = []

  /// Adds a component, of a component that is made of several.
  public mutating func add(_ component: some Component) {
    component.register(in: &self)
  }
}

/// A read model whose codec is found once all aggregates are known.
struct PendingReadModel {
  var name: String
  var type: ObjectIdentifier
  var resolve: @Sendable ([RegisteredAggregate]) throws -> any ReadModelDefinition
}

/// An application whose components have been found to fit together.
public struct ApplicationModel: Sendable {
  /// The application's name.
  public let name: String
  /// How administrators call the command line.
  public let adminCommand: String
  /// The application's version.
  public let version: String
  /// How large one stream may become.
  public let streamLimit: StreamLimit
  package let aggregates: [RegisteredAggregate]
  package let readModels: [any ReadModelDefinition]
  /// Decodes the events of all aggregates.
  package let codec: CategoriesCodec
  let writerRoutes: [WriterRoutes]
  private let queries: [RegisteredQuery]
  /// What the console has beside its own pages.
  let pages: [ConsolePage]

  /// Puts the components of an application together.
  /// - Throws: ``ApplicationError`` where they don't fit.
  public init<App: EventuallyApplication>(_ application: App) throws(ApplicationError) {
    var registry = Registry()
    for component in application.components { component.register(in: &registry) }
    name = App.name
    adminCommand = App.adminCommand
    version = App.version
    streamLimit = App.streamLimit
    try Self.check(name: name, of: "the application")
    guard !registry.aggregates.isEmpty else {
      throw ApplicationError(
        "the application '\(App.name)' has no aggregate: list one in its components")
    }
    aggregates = registry.aggregates
    try Self.check(
      aggregates.map { ($0.category.name, "the aggregates \($0.name)") },
      "have the same category: give each a `static let category` of its own")
    if let problem = aggregates.lazy.compactMap(\.problem).first { throw ApplicationError(problem) }
    let codecs = Dictionary(uniqueKeysWithValues: aggregates.map { ($0.category, $0.codec) })
    do {
      codec = try CategoriesCodec(codecs, isComplete: true)
      readModels = try registry.readModels.map { try $0.resolve(registry.aggregates) }
    } catch {
      throw (error as? ApplicationError) ?? ApplicationError("\(error)")
    }
    try Self.check(
      registry.readModels.map { ($0.name, "two read models") }, "are called the same")
    for model in readModels {
      try Self.check(name: model.name, of: "a read model")
      try Self.check(rowsOf: model)
    }
    writerRoutes = registry.writerRoutes
    queries = registry.queries
    pages = registry.pages
    for query in queries {
      let count = registry.readModels.count { $0.type == query.model }
      guard count == 1 else {
        throw ApplicationError(
          "the query '\(query.path)' is of \(query.modelName), which is "
            + (count == 0
              ? "not among the components: add it"
              : "among the components \(count) times: make each a type of its own"))
      }
    }
    try Self.check(
      writerRoutes.compactMap(\.path).map { ($0, "two lists of commands") },
      "are below the same path")
    try Self.check(
      queries.map { query in
        (API.Operation.pattern(query.path).map { $0 ?? "{}" }.joined(separator: "/"), "two queries")
      }, "have the same path")
    try Self.check(pages.map { ($0.id, "two pages of the console") }, "are called the same")
    if let problem = writerRoutes.compactMap(\.problem).first ?? queries.compactMap(\.problem).first
      ?? pages.compactMap(\.problem).first
    {
      throw ApplicationError(problem)
    }
    for routes in writerRoutes {
      for type in routes.aggregates where !aggregates.contains(where: { $0.type == type.id }) {
        throw ApplicationError(
          "there are commands for \(type.name), which is not among the components: add it")
      }
    }
    modelsByType = Dictionary(
      zip(registry.readModels.map(\.type), readModels.map(\.name)), uniquingKeysWith: { $1 })
    for readModel in readModels {
      // Commands take either by its name.
      guard let aggregate = aggregate(readModel.name) else { continue }
      throw ApplicationError(
        "the read model '\(readModel.name)' is called like the aggregate \(aggregate.name): give it another name"
      )
    }
  }

  private let modelsByType: [ObjectIdentifier: String]

  private static func check(
    _ names: [(name: String, what: String)], _ wrong: String
  ) throws(ApplicationError) {
    var seen: Set<String> = []
    for (name, what) in names where !seen.insert(name).inserted {
      throw ApplicationError("\(what) \(wrong) ('\(name)')")
    }
  }

  /// Directories, topics and consumer groups are called by it.
  private static func check(name: String, of what: String) throws(ApplicationError) {
    let isName =
      (1...100).contains(name.utf8.count) && name.utf8.first != UInt8(ascii: ".")
      && name.utf8.allSatisfy {
        (0x30...0x39).contains($0) || (0x41...0x5A).contains($0) || (0x61...0x7A).contains($0)
          || "._-".utf8.contains($0)
      }
    guard isName else {
      throw ApplicationError(
        "the name of \(what), '\(name)', must be 1 to 100 of A-Z, a-z, 0-9, '.', '_' and '-', and not begin with '.'"
      )
    }
  }

  private static func check(rowsOf model: any ReadModelDefinition) throws(ApplicationError) {
    for case let row as any CodableRow.Type in model.anyModel.tables {
      do {
        try row.checkLayout()
      } catch {
        throw ApplicationError("the read model '\(model.name)': \(row) can't be a row: \(error)")
      }
    }
  }

  /// The read model with a name; `nil` where there is none.
  package func readModel(_ name: String) -> (any ReadModelDefinition)? {
    readModels.first { $0.name == name }
  }

  /// The aggregate with a category, or whose type has that name; `nil` where there is none.
  package func aggregate(_ name: String) -> RegisteredAggregate? {
    aggregates.first { $0.category.name == name }
      ?? aggregates.first { $0.name.lowercased() == name.lowercased() }
  }

  /// The events of an aggregate that the application gives as examples.
  func exampleEvents(of aggregate: RegisteredAggregate) -> [any Sendable] {
    writerRoutes.filter { $0.aggregates.contains { $0.id == aggregate.type } }
      .flatMap(\.exampleEvents)
  }

  /// Makes sure that queries can be answered from a kind of database.
  /// - Throws: ``ApplicationError`` with the path of one that can't, and what to do.
  func check(queriesOf readModels: [String], on dialect: SQLDialect) throws(ApplicationError) {
    for query in readModels.flatMap({ queries(of: $0) }) {
      guard case .only(let own) = query.sql, own != dialect else { continue }
      throw ApplicationError(
        "the query '\(query.path)' is written for \(own), and the read models are in \(dialect): keep them in "
          + "\(own), or write the query with rows, or in SQL that both have, and say `sql: .any`")
    }
  }

  /// The queries of a read model.
  func queries(of readModel: String) -> [RegisteredQuery] {
    queries.filter { modelsByType[$0.model] == readModel }
  }
}
