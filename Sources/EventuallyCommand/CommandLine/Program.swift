import ArgumentParser
import Eventually
package import EventuallyServer

/// The application whose command line this process is.
package enum Program {
  @TaskLocal package static var application: ApplicationModel?
  /// What the application adds to the commands of a writer.
  @TaskLocal static var writerCommands: [any ParsableCommand.Type] = []

  /// Points at which a test can make the application's own commands fail.
  @TaskLocal static var faultPoints: [FaultPoint] = []

  /// How administrators call the command line.
  static var admin: String { application?.adminCommand ?? "eventually" }
  /// The application's name.
  static var name: String { application?.name ?? "eventually" }
  /// The application's version, and, where it is another one, that of this package.
  static var version: String {
    let version = application?.version ?? LibraryVersion.current
    return version == LibraryVersion.current
      ? version : "\(version) (Eventually \(LibraryVersion.current))"
  }
  /// The names of the read models, for help.
  static var readModels: String {
    let names = ReadModelName.all.map(\.name)
    return names.count < 2
      ? names.joined() : names.dropLast().joined(separator: ", ") + " or " + names[names.count - 1]
  }

  /// The application.
  /// - Throws: ``Failure`` outside of its command line.
  package static func current() throws -> ApplicationModel {
    guard let application else {
      throw Failure("no application runs: commands are run by an EventuallyApplication")
    }
    return application
  }
}

/// A read model that a command line names.
package struct ReadModelName: ExpressibleByArgument, Sendable, Hashable {
  package let definition: any ReadModelDefinition

  init(_ definition: any ReadModelDefinition) {
    self.definition = definition
  }

  package init?(argument: String) {
    guard let found = Program.application?.readModel(argument) else { return nil }
    definition = found
  }

  package static var allValueStrings: [String] { all.map(\.name) }

  /// The application's read models.
  package static var all: [ReadModelName] {
    Program.application?.readModels.map(ReadModelName.init) ?? []
  }

  package var name: String { definition.name }
  var anyModel: any ReadModel { definition.anyModel }
  package var defaultValueDescription: String { name }

  /// The read model's generations and savepoints.
  func catalog(in readModels: ReadModelLocation) -> any ReadModelCatalog {
    definition.catalog(in: readModels)
  }

  /// Where the read model's live generation is looked for, for messages.
  func place(in readModels: ReadModelLocation) -> String {
    switch readModels {
    case .folder(let path): definition.path(in: path)
    case .postgres: "\(readModels)"
    }
  }

  package static func == (a: ReadModelName, b: ReadModelName) -> Bool { a.name == b.name }
  package func hash(into hasher: inout Hasher) { hasher.combine(name) }
}

/// Where the read models are.
package struct ReadModelOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "The directory of the read models' files, or a PostgreSQL database's URL.",
      valueName: "directory or url"))
  package var readModels = "data/read-models"

  /// The same.
  package var location: ReadModelLocation { ReadModelLocation(readModels) }

  package init() {}
}
