public import Eventually

/// A domain with its read models and its HTTP interface: what the processes are made from.
///
/// ```swift
/// @main struct Bank: EventuallyApplication {
///   static let name = "bank"
///   var components: [any Component] {
///     Account()
///     Balances()
///     Commands("accounts", for: Account.self) {
///       Command("open") { (body: Open) in .open(owner: body.owner) }
///       Command("deposit") { (body: Amount) in .deposit(body.amount) }
///     }
///     Query("balances/{owner}", of: Balances.self) { request, rows in
///       try rows.row(BalanceRow.self, request.path("owner"))
///     }
///   }
/// }
/// ```
///
/// With `import EventuallyCommand` that is a whole executable: `bank writer serve`, `bank projector run balances`, `bank all`,
/// `bank status`, `bank replay`, and so on; `bank --help` lists them.
public protocol EventuallyApplication: Sendable {
  /// The application.
  init()

  /// The application's name: of its executable, and of its topic where none is given.
  static var name: String { get }
  /// How administrators call the command line, in messages that tell what to do; ``name`` by default.
  static var adminCommand: String { get }
  /// The application's version, in the answer to `--version` and in OpenAPI documents; by default that of this package.
  static var version: String { get }
  /// How large one stream may become; by default what `StreamLimit` says.
  static var streamLimit: StreamLimit { get }
  /// Whether the environment variable `EVENTUALLY_FAULTS` may make the application's processes kill, stop or hang themselves, as tests do;
  /// `false` by default. Say `true` in applications whose failures are to be tested, and not in what runs in production.
  static var permitsFaultInjection: Bool { get }
  /// Aggregates, read models, commands, queries and routes, in any order.
  @ComponentBuilder var components: [any Component] { get }
}

extension EventuallyApplication {
  /// ``name``.
  public static var adminCommand: String { name }
  /// The package's version.
  public static var version: String { LibraryVersion.current }
  /// No.
  public static var permitsFaultInjection: Bool { false }
  /// The default limit.
  public static var streamLimit: StreamLimit { StreamLimit() }
}

/// A part of an application.
public protocol Component: Sendable {
  /// Adds the part to an application.
  func register(in registry: inout Registry)
}

/// Makes the list of an application's components. Aggregates and read models stand for themselves.
@resultBuilder
public enum ComponentBuilder {
  /// An aggregate whose events are `Codable`: they are stored as JSON.
  @inlinable
  public static func buildExpression<Model: Aggregate>(_ aggregate: Model) -> any Component
  where Model.ID == String, Model.Event: Codable {
    AggregateComponent(aggregate, codec: JSONEventCodec<Model.Event>())
  }

  /// An aggregate with a codec of its own.
  @inlinable
  public static func buildExpression<Model: CodedAggregate>(_ aggregate: Model) -> any Component {
    AggregateComponent(aggregate, codec: Model.codec)
  }

  /// An aggregate with a codec of its own.
  @inlinable
  public static func buildExpression<Model: CodedAggregate>(_ aggregate: Model) -> any Component
  where Model.Event: Codable {
    AggregateComponent(aggregate, codec: Model.codec)
  }

  /// A read model of one aggregate's events.
  public static func buildExpression<Model: ReadModel>(_ model: Model) -> any Component {
    ReadModelComponent(model: model)
  }

  /// A read model of several aggregates' events.
  public static func buildExpression<Model: CompositeReadModel>(_ model: Model) -> any Component {
    CompositeReadModelComponent(model: model)
  }

  /// Any other component.
  public static func buildExpression(_ component: some Component) -> any Component { component }

  /// The list.
  public static func buildBlock(_ components: any Component...) -> [any Component] { components }
}

/// Makes a list whose elements' type is known, so that they need no type annotations.
@resultBuilder
public enum ListBuilder<Element> {
  /// An element.
  public static func buildExpression(_ element: Element) -> Element { element }
  /// The list.
  public static func buildBlock(_ elements: Element...) -> [Element] { elements }
}
