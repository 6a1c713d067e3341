public import Eventually

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

extension ReadModelDirectory {
  /// Deletes a generation for good.
  ///
  /// A live one can be dropped where it is of an earlier schema version than this code's, which has a live generation of its
  /// own, and no worker of that version runs. Programs of that version that answer queries find no read model then.
  /// - Throws: `ReadModelError.generationInUse(_:location:reason:)` where it is live otherwise, and
  ///   `ReadModelError.replayRunning(location:)` where a replay is building it.
  public func drop(_ number: Int) throws(ReadModelError) {
    let found = try generation(number)
    // What a replay is building, or compares with, is its own for as long as it runs.
    let isOfReplay = found.isBuilding && found.replay != nil
    let isSuperseded = found.isLive && found.schemaVersion < schemaVersion
    let lock = isOfReplay || isSuperseded ? try ReplayLock(self) : nil
    defer { withExtendedLifetime(lock) {} }
    try exclusively { () throws(ReadModelError) in
      let link = livePath(found.schemaVersion)
      let isLive = live(schemaVersion: found.schemaVersion) == number
      if isLive, let reason = useOfLive(found) {
        throw .generationInUse(number, location: path, reason: reason)
      }
      try noteNumbers()
      if isLive {
        guard unlink(link) == 0 else { throw systemError(link) }
        // A worker that has opened it meanwhile looks at the link after that: it sees that there is none, or is seen here.
        if CrashJournalFile.hasUsers(ofDatabase: found.location) {
          try self.link(number, of: found.schemaVersion)
          throw .generationInUse(number, location: path, reason: Self.working(found))
        }
        try synchronize(path)
      }
      try removeDatabase(found.location)
    }
  }

  /// Why a live generation can't be dropped, and what to do; `nil` where it can.
  private func useOfLive(_ generation: Generation) -> String? {
    let version = generation.schemaVersion
    if version == schemaVersion {
      return "it is live: switch to another one of schema version \(version) first, which a replay "
        + "makes"
    }
    if version > schemaVersion {
      return "it is live for schema version \(version), newer than this program's "
        + "\(schemaVersion): drop it with a program of a newer version"
    }
    if liveWithFile == nil {
      return "it is live for schema version \(version), and schema version \(schemaVersion) has no "
        + "live generation yet: run a worker of version \(schemaVersion) first"
    }
    return CrashJournalFile.hasUsers(ofDatabase: generation.location)
      ? Self.working(generation) : nil
  }

  private static func working(_ generation: Generation) -> String {
    "a worker of schema version \(generation.schemaVersion) works on it: stop the workers of that version first"
  }
}
