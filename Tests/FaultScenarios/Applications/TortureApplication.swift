package import Eventually
import EventuallySQLite
import EventuallyServer
package import EventuallyTesting

/// What the scenarios must know of an application.
package protocol TortureApplication: Sendable {
  /// How `--application` names it; its topic is named so, too.
  var name: String { get }
  var executables: ApplicationExecutables { get }
  /// The read models, one at least.
  var readModels: [PlayedReadModel] { get }
  /// What only some applications have.
  var abilities: Set<ApplicationAbility> { get }
  /// A query of the first read model; its answer differs after each new entity.
  var query: String { get }

  /// The name in the store of an entity's stream.
  func stream(of id: String) -> String
  /// The path of an entity at the writer: its answer has the stream's `version`, and `DELETE` erases it where the
  /// application has ``ApplicationAbility/removal``.
  func path(of id: String) -> String
  /// What a client sends for the entity of a number. The same seed gives the same commands.
  func commands(_ number: Int, seed: UInt64) -> EntityCommands
  /// Four commands on a new entity, each of which appends one event.
  func fourCommands(on id: String) -> [EntityCommand]
}

/// Commands on a new entity, in their order.
package struct EntityCommands: Sendable {
  package var id: String
  package var commands: [EntityCommand]
}

/// A request that changes an entity.
package struct EntityCommand: Sendable {
  package var path: String
  package var json: String
  /// How many events it appends.
  package var events = 1
  /// The version that its entity must be at, where it says so.
  package var expectedVersion: Version?
}

/// What a scenario may need that not every application has.
package enum ApplicationAbility: Sendable, CaseIterable {
  case orders, removal, severalReadModels

  /// Why a scenario is not played with an application that lacks it.
  var lacking: String {
    switch self {
    case .orders: "it is about the sample's orders"
    case .removal: "it erases entities, which the application does not offer"
    case .severalReadModels: "it needs several read models"
    }
  }
}

/// A read model by its part in a scenario. An application with fewer read models plays several parts with one.
package enum ReadModelRole: Int, Sendable, CaseIterable {
  case first, second, third
}

/// A read model of an application, with its files.
package struct PlayedReadModel: Sendable, Hashable {
  package let name: String
  private let schemaVersion: Int

  package init(_ name: String, schemaVersion: Int = 1) {
    self.name = name
    self.schemaVersion = schemaVersion
  }

  /// The read model's directory in that of all read models.
  func directory(in readModels: String) -> ReadModelDirectory {
    ReadModelDirectory(
      "\(readModels)/\(name)", model: Files(name: name, schemaVersion: schemaVersion))
  }

  /// The live generation's file.
  func path(in readModels: String) -> String { directory(in: readModels).livePath }

  /// The read model's generations and savepoints.
  func catalog(in readModels: String) -> any ReadModelCatalog {
    Definition(model: Files(name: name, schemaVersion: schemaVersion))
      .catalog(in: ReadModelLocation(readModels))
  }

  /// A reader of the live generation.
  func reader(in readModels: String) async throws -> any ReadModelSource {
    guard case .folder = ReadModelLocation(readModels) else {
      return try await catalog(in: readModels).reader(of: nil, readers: 1, timeLimit: nil)
    }
    return try ReadModelReader(
      path: path(in: readModels), model: Files(name: name, schemaVersion: schemaVersion), readers: 1
    )
  }

  private struct Definition: ReadModelDefinition {
    let model: Files
    let codec = NoEvents()
  }

  /// Nobody reads events with it.
  private struct NoEvents: EventCodec {
    let contentType = "application/json"

    func type(of event: Never) -> String {}
    func encode(_ event: Never, into bytes: inout [UInt8]) {}
    func decode(type: String, payload: Span<UInt8>) throws -> Never {
      throw UnknownEventType(type: type)
    }
  }

  /// What it takes to open the files: the process that is played with has the code.
  private struct Files: ReadModel {
    let name: String
    let schemaVersion: Int
    var tables: [any ReadModelRow.Type] { [] }

    func project(_ event: Persisted<String, Never>, into rows: Rows) {}
    func forget(_ streamID: String, in rows: Rows) {}
  }
}
