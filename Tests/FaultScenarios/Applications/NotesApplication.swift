import Eventually
package import EventuallyTesting

/// `Examples/Notes`: notes with tags.
package struct NotesApplication: TortureApplication {
  /// Where `swift build` puts it, from the package's folder.
  package static let builtPath = "Examples/Notes/.build/debug/notes"

  package let name = "notes"
  package let executables: ApplicationExecutables
  package let abilities: Set<ApplicationAbility> = []
  package let query = "/tags"
  package let readModels = [PlayedReadModel("tags")]

  /// - Parameter path: the executable.
  package init(executable path: String = builtPath) {
    executables = ApplicationExecutables(application: path)
  }

  package func stream(of id: String) -> String { "note/\(id)" }
  package func path(of id: String) -> String { "/notes/\(id)" }

  /// A note with up to five tags. To repeat a command appends nothing.
  package func commands(_ number: Int, seed: UInt64) -> EntityCommands {
    var random = SeededRandom(seed: seed &* 0x1_0000_0001 &+ UInt64(number))
    let id = "S\(seed)-\(number)"
    let first = Int.random(in: 0..<40, using: &random)
    let tags = (0..<Int.random(in: 1...5, using: &random)).map { tag(first + $0, id) }
    return EntityCommands(id: id, commands: [write(id)] + tags)
  }

  package func fourCommands(on id: String) -> [EntityCommand] {
    [write(id)] + (1...3).map { tag($0, id) }
  }

  private func write(_ id: String) -> EntityCommand {
    EntityCommand(path: "\(path(of: id))/write", json: #"{"text":"note \#(id)"}"#)
  }

  private func tag(_ number: Int, _ id: String) -> EntityCommand {
    EntityCommand(path: "\(path(of: id))/tag", json: #"{"tag":"tag-\#(number)"}"#)
  }
}
