public import Eventually
import HTTPTypes

/// Commands of an aggregate over HTTP: `POST /accounts/{id}/deposit` and so on.
///
/// For each aggregate there are, besides, `POST …/{id}/commands` for several commands as one append, `GET …/{id}` with the state,
/// `GET …/{id}/history` with the events, `DELETE …/{id}` which erases the entity for good, and `GET …/{id}/removal`.
public struct Commands<Model: Aggregate>: Component where Model.ID == String {
  let path: String
  let ids: IDRule
  let commands: [Command<Model>]
  /// The events of an entity, as an example.
  var events: [Model.Event] = []

  /// What an entity is called in the OpenAPI document.
  var noun: String { OperationNames.identifier(["\(Model.self)"]) }

  /// Commands below a path.
  /// - Parameters:
  ///   - path: without slashes around it: `accounts`.
  ///   - model: the aggregate, which is a component of the application too.
  ///   - ids: which ids are taken.
  ///   - commands: the commands, each with a name of its own.
  public init(
    _ path: String, for model: Model.Type, ids: IDRule = .default,
    @ListBuilder<Command<Model>> _ commands: () -> [Command<Model>]
  ) {
    self.path = path
    self.ids = ids
    self.commands = commands()
  }

  /// Adds the commands.
  public func register(in registry: inout Registry) {
    registry.writerRoutes.append(
      WriterRoutes(
        generatedFor: Model.self, below: path, problem: problem,
        example: { [self] writer in try example(in: writer) }, events: events
      ) { [self] writer in
        let repository = try writer.repository(of: Model.self)
        let routes = CommandRoutes(
          definition: self, writer: writer, repository: repository, example: try example(in: writer)
        )
        return routes.operations()
          + RemovalRoutes(
            writer: writer, path: path, ids: ids, category: Model.category,
            noun: noun
          ) { (id, expected) throws(EventStoreError) in
            try await repository.remove(id, expecting: expected)
          }.operations()
      })
  }
}

extension Commands {
  private static var reserved: Set<String> { ["commands", "history", "removal"] }

  /// What is wrong with how the commands are written.
  private var problem: String? {
    if path.isEmpty || path.hasPrefix("/") || path.hasSuffix("/") || path.contains("{") {
      return
        "the path '\(path)' of commands must be without slashes around it, and without parameters"
    }
    for path in [path] + commands.map(\.pathName) {
      if let problem = API.Operation.problem(of: path) { return problem }
    }
    if let problem = commands.lazy.compactMap(\.problem).first {
      return "a command below '\(path)': \(problem)"
    }
    for command in commands {
      guard let problem = command.exampleProblem else { continue }
      return "the command '\(command.name)' below '\(path)': \(problem)"
    }
    var names: Set<String> = []
    for command in commands {
      if command.pathName.isEmpty || command.pathName.contains("/")
        || !names.insert(command.pathName).inserted || Self.reserved.contains(command.pathName)
      {
        return
          "the command '\(command.name)' below '\(path)' needs another name: it is empty, has a slash, is there twice, or is one of "
          + Self.reserved.sorted().joined(separator: ", ")
      }
    }
    return nil
  }
}

/// One command of an aggregate over HTTP.
public struct Command<Model: Aggregate>: Sendable {
  let name: String
  let summary: String
  let schema: Schema
  /// What is wrong with the type of its body.
  let problem: String?
  /// Whether a body may be left out.
  var isBodyOptional = false
  /// A body, as an example; `nil` for one that is made up.
  var example: API.Example?
  /// Why it may be refused, as examples.
  var refusals: [any Error] = Self.allRefusals
  var operationID: String?
  /// Makes the command of a body, which something leads to: `commands[0].deposit`.
  let make: @Sendable ([UInt8], _ path: String) throws -> Model.Command

  /// The name as a part of a path: `addItem` is `add-item`.
  var pathName: String { CommandRefused.words(name).joined(separator: "-") }

  /// A command with a body of its own type, which is not the domain's: the interface stays when the domain changes.
  /// - Parameters:
  ///   - name: `deposit`, or `addItem`, which is `add-item` in the path.
  ///   - summary: what it does, in a line.
  ///   - make: the domain's command. It may throw ``RequestError`` or `InvalidMember`.
  public init<Body: Decodable & SendableMetatype>(
    _ name: String, _ summary: String = "",
    _ make: @escaping @Sendable (Body) throws -> Model.Command
  ) {
    self.name = name
    self.summary = summary
    let shape = Schema.shape(of: Body.self)
    schema = Schema(shape.value, of: Body.self)
    problem = shape.problem
    self.make = { bytes, path in
      let body = try JSONBody.decode(Body.self, bytes, shape.value, at: path)
      return try Self.located(at: path) { try make(body) }
    }
  }

  /// A command that needs no body.
  public init(
    _ name: String, _ summary: String = "", _ command: Model.Command
  ) where Model.Command: Sendable {
    self.name = name
    self.summary = summary
    schema = .named("Nothing", .object([]))
    problem = nil
    isBodyOptional = true
    make = { bytes, path in
      try Self.located(at: path) {
        if !bytes.isEmpty {
          var reader = JSONReader(bytes.span)
          try reader.beginObject()
          while try reader.nextKey() != nil { try reader.skip() }
          try reader.finish()
        }
        return command
      }
    }
  }

  /// A command that needs no body.
  public init(_ name: String, _ command: Model.Command) where Model.Command: Sendable {
    self.init(name, "", command)
  }

  /// A command whose body is read by hand.
  /// - Parameters:
  ///   - name: the command's name.
  ///   - summary: what it does, in a line.
  ///   - body: what its body looks like.
  ///   - read: reads the bytes of the body, which may be none.
  public init(
    _ name: String, _ summary: String = "", body: Schema,
    reading read: @escaping @Sendable ([UInt8]) throws -> Model.Command
  ) {
    self.name = name
    self.summary = summary
    schema = body
    problem = nil
    make = { bytes, path in try Self.located(at: path) { try read(bytes) } }
  }

  /// Says of whatever is refused where in the request it is.
  private static func located(
    at path: String, _ make: () throws -> Model.Command
  ) throws -> Model.Command {
    guard !path.isEmpty else { return try make() }
    do {
      return try make()
    } catch let error as InvalidMember {
      throw InvalidMember("\(path).\(error.name)", error.reason)
    } catch let error as JSONError {
      throw InvalidMember(path, "is not what it has to be: \(error)")
    } catch var error as RequestError {
      error.message = "\(path): \(error.message)"
      throw error
    } catch let error as any CommandRefusal {
      throw CommandRefused(cause: error, place: path)
    }
  }
}

extension Schema {
  /// What a body looks like, or what is wrong with its type: how that is written decides it.
  static func shape<Body: Decodable>(of type: Body.Type) -> (value: Shape, problem: String?) {
    let id = ObjectIdentifier(type)
    if let known = shapes.withLock({ $0[id] }) { return known }
    // The type's own code runs here: without the lock.
    let found: (value: Shape, problem: String?)
    do {
      found = (try Shape(of: type), nil)
    } catch {
      found = (.any, "\(error)")
    }
    shapes.withLock { $0[id] = found }
    return found
  }

  /// The shapes that are known: no more than there are types.
  private static let shapes = Locked<[ObjectIdentifier: (value: Shape, problem: String?)]>([:])
}

/// Which texts are ids of an aggregate's entities.
public struct IDRule: Sendable {
  /// A regular expression for the OpenAPI document.
  public var pattern: String
  /// What ids have, in words: `1 to 64 letters and digits`.
  public var description: String
  /// An id, for the OpenAPI document.
  public var example: String
  /// Whether a text is an id.
  public var isValid: @Sendable (String) -> Bool

  /// A rule.
  public init(
    pattern: String, _ description: String, example: String = "1",
    isValid: @escaping @Sendable (String) -> Bool
  ) {
    self.pattern = pattern
    self.description = description
    self.example = example
    self.isValid = isValid
  }

  /// 1 to 128 bytes of printable ASCII without spaces, slashes and percent signs; not `.` and `..`, which clients and proxies take
  /// out of paths.
  public static let `default` = IDRule(
    pattern: #"^(?!\.{1,2}$|.*%)[!-.0-~]{1,128}$"#,
    "1 to 128 printable ASCII characters other than spaces, '/' and '%', and not '.' or '..'"
  ) { id in
    id != "." && id != ".." && (1...128).contains(id.utf8.count)
      && id.utf8.allSatisfy {
        (0x21...0x7E).contains($0) && $0 != UInt8(ascii: "/") && $0 != UInt8(ascii: "%")
      }
  }
}

extension APIRequest {
  /// The part `{id}` of the path.
  /// - Throws: an answer 422 where it can't be an id.
  public func id(_ rule: IDRule = .default) throws -> String {
    let id = try path("id")
    guard rule.isValid(id) else {
      throw RequestError(
        kind: .invalid, "'\(id.excerpt)' can't be an id: it has to be \(rule.description)",
        parameter: "id")
    }
    return id
  }
}

extension API.Parameter {
  /// The part `{id}` of a path, which ``APIRequest/id(_:)`` reads.
  public static func id(_ rule: IDRule = .default) -> API.Parameter {
    let schema = Schema.string(pattern: rule.pattern)
    return .path(
      "id", "The id: \(rule.description)",
      rule.isValid(rule.example) ? schema.example(.init(stringLiteral: rule.example)) : schema)
  }
}
