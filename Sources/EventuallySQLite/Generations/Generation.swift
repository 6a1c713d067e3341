public import Eventually
import Foundation

extension ReadModelDirectory {
  /// What a generation's database says of itself; `nil` where it says nothing yet, or there is none.
  func description(of number: Int) throws(ReadModelError) -> Generation? {
    let path = path(of: number)
    guard FileManager.default.fileExists(atPath: path) else { return nil }
    do {
      let connection = try SQLiteConnection(path: path, mode: .readOnly)
      guard let identity = try ReadModelSchema.identity(connection) else { return nil }
      guard identity.name == name else {
        throw ReadModelError.notThisReadModel(
          location: path, found: "the read model '\(identity.name)'", expected: name)
      }
      let build = try ReadModelSchema.build(connection)
      var generation = Generation(
        number: number, location: path, schemaVersion: identity.schemaVersion, origin: build.origin,
        created: build.created, isBuilding: build.isBuilding, replay: build.replay,
        isLive: live(schemaVersion: identity.schemaVersion) == number)
      generation.note = build.note
      return generation
    } catch {
      throw .failed(path, error)
    }
  }

  /// How many events have been applied to a generation, of any schema version.
  public func events(in generation: Int) throws(ReadModelError) -> UInt64 {
    let path = path(of: generation)
    do {
      let connection = try SQLiteConnection(path: path, mode: .readOnly)
      return try ReadModelReader.checkpoints(connection).reduce(0) { $0 + ($1.position ?? 0) }
    } catch {
      throw .failed(path, error)
    }
  }

  /// All generations, of every schema version, in the order in which they were begun.
  public func list() throws(ReadModelError) -> [Generation] {
    var found: [Generation] = []
    for number in try generations() {
      if let generation = try description(of: number) { found.append(generation) }
    }
    return found
  }

  /// A generation that exists.
  /// - Throws: `ReadModelError.noGeneration(_:location:)`.
  public func generation(_ number: Int) throws(ReadModelError) -> Generation {
    guard let found = try description(of: number) else {
      throw .noGeneration(number, location: path)
    }
    return found
  }

  /// Makes another generation the live one, in one atomic step. Running workers and queries follow by themselves.
  /// - Throws: `ReadModelError.schemaVersion(location:found:expected:)` where it is of another version of the code,
  ///   and `ReadModelError.unfinishedReplay(_:request:location:)` where a replay has not come to its end.
  public func makeLive(_ number: Int) throws(ReadModelError) {
    let found = try generation(number)
    guard found.schemaVersion == schemaVersion else {
      throw .schemaVersion(
        location: found.location, found: found.schemaVersion, expected: schemaVersion)
    }
    if found.isBuilding, let request = found.replay {
      throw .unfinishedReplay(number, request: request, location: path)
    }
    // Nobody looks any more at what differed from the generation that was live.
    do {
      try ForgettingFile(path: found.location).forgetDifferences()
    } catch {
      throw .failed(found.location, error)
    }
    // No transaction on what is live now can commit in between, so that what comes after is the new generation's.
    try withLiveHeld { () throws(ReadModelError) in
      try exclusively { () throws(ReadModelError) in try link(number) }
    }
  }

  /// Runs `body` while nobody can write to the live generation.
  private func withLiveHeld(
    _ body: () throws(ReadModelError) -> Void
  ) throws(ReadModelError) {
    guard let live = live(), FileManager.default.fileExists(atPath: path(of: live)) else {
      return try body()
    }
    let hold = try FileHold(self, generation: live)
    defer { hold.release() }
    try body()
  }

  /// Removes a database's files. The database goes first: what is left where this is interrupted is no database, and
  /// ``removeLeftovers()`` finds it.
  func removeDatabase(_ path: String) throws(ReadModelError) {
    for suffix in [""] + Self.companions {
      guard unlink(path + suffix) == 0 || errno == ENOENT else { throw systemError(path + suffix) }
    }
  }
}
