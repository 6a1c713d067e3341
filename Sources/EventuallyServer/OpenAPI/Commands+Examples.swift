public import Eventually

extension Commands {
  /// The same with the events of an entity, from its first, of which the OpenAPI document has history and state as examples.
  public func example(_ events: Model.Event...) -> Commands {
    var commands = self
    commands.events = events
    return commands
  }

  func example(in writer: Writer) throws(ApplicationError) -> EntityExample? {
    let type = ObjectIdentifier(Model.self)
    guard !events.isEmpty,
      let aggregate = writer.application.aggregates.first(where: { $0.type == type })
    else { return nil }
    return try EntityExample(events, of: Model.self, id: ids.example, in: aggregate)
  }
}

extension Command {
  /// The same with a body as an example in the OpenAPI document: `["cents": 1250]`. It must be one that the command takes.
  public func example(_ body: API.Example) -> Command {
    var command = self
    command.example = body
    return command
  }

  /// The same with some of the aggregate's errors that it may be refused with, as examples in the OpenAPI document. By default it has all of
  /// an aggregate whose errors are `CaseIterable`.
  public func refusing(_ errors: Model.Failure...) -> Command {
    var command = self
    command.refusals = errors
    return command
  }

  /// The same under another name in clients that are generated from the OpenAPI document: by default `depositAccount` for the command
  /// `deposit` of an `Account`.
  public func operationID(_ name: String) -> Command {
    var command = self
    command.operationID = name
    return command
  }

  static var allRefusals: [any Error] {
    func all<Failure: CaseIterable>(_ type: Failure.Type) -> [any Error] {
      type.allCases.compactMap { $0 as? any Error }
    }
    return (Model.Failure.self as? any CaseIterable.Type).map { all($0) } ?? []
  }

  /// What is wrong with the example.
  var exampleProblem: String? {
    guard let example else { return nil }
    do {
      _ = try make(example.json, "")
      return nil
    } catch {
      return "it does not take the example that is given for it: \(error)"
    }
  }
}
