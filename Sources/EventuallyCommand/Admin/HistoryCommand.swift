import ArgumentParser
import Eventually
import EventuallyServer

extension AdminCommand {
  /// `history`
  struct History: AsyncParsableCommand {
    static var configuration: CommandConfiguration {
      CommandConfiguration(
        abstract: "Show what has happened to an entity, and what each event changed.",
        discussion: "For example '\(Program.admin) history \(Program.anAggregate) ID'.")
    }

    @Argument(help: ArgumentHelp("The aggregate: \(Program.aggregates).", valueName: "aggregate"))
    var aggregate: AggregateName
    @Argument(help: "The entity's id.")
    var id: String
    @OptionGroup var files: DataOptions

    func run() async throws {
      let records = try await files.openStore().records(
        ofStream: aggregate.aggregate.category.streamName(of: id))
      guard !records.isEmpty else {
        throw Failure("the store has no events of '\(id)': it never was, or it was erased")
      }
      var state = StateChanges(aggregate.aggregate)
      var note: String?
      for record in records {
        let step = state.changes(by: record)
        try Output.standard.line(
          "v\(record.position.version)  \(record.time)  sequence \(record.position.sequenceNumber)  \(record.type)"
        )
        for change in step.changes { try Output.standard.line("    \(change.line)") }
        // What holds from here on is told once.
        if let told = step.note, told != note { try Output.standard.line("    \(told)") }
        note = step.note
      }
    }
  }
}

/// An aggregate that a command line names, by its category or the name of its type.
struct AggregateName: ExpressibleByArgument, Sendable {
  let aggregate: RegisteredAggregate

  init?(argument: String) {
    guard let found = Program.application?.aggregate(argument) else { return nil }
    aggregate = found
  }

  static var allValueStrings: [String] { Program.application?.aggregates.map(\.label) ?? [] }
}

extension Program {
  /// The names of the aggregates, for help.
  static var aggregates: String { AggregateName.allValueStrings.joined(separator: ", ") }
  /// What an entity's stream is called, for examples.
  static var aStream: String {
    (application?.aggregates.first?.category ?? .unnamed).streamName(of: "7")
  }
  /// The streams of the entities with an id, of all aggregates.
  static func streams(ofID id: String) -> [String] {
    (application?.aggregates ?? []).map { $0.category.streamName(of: id) }
  }
  /// A question for whoever named none of some streams.
  static func hint(_ streams: [String]) -> String {
    streams.isEmpty ? "" : ": did you mean \(streams.joined(separator: ", "))?"
  }
  /// One of them, for examples.
  static var anAggregate: String { AggregateName.allValueStrings.first ?? "AGGREGATE" }
}
