public import Eventually

/// Whether the read model has caught up once.
extension ReadModelDatabase {
  /// Notes that the read model has caught up once: from now on it counts as built.
  public func completeBuild() throws(ReadModelError) {
    do {
      try connection.write {
        var build = try ReadModelSchema.build(connection)
        build.isBuilding = false
        try ReadModelSchema.write(build, connection)
      }
    } catch {
      throw Self.wrap(error, path: path)
    }
  }

  /// The same, where every partition has been applied up to where the store was.
  /// - Returns: whether it counts as built.
  public func completeBuild(through heads: [UInt64]) throws(ReadModelError) -> Bool {
    do {
      guard try ReadModelSchema.build(connection).isBuilding else { return true }
      var positions: [Partition: UInt64] = [:]
      for checkpoint in try ReadModelReader.checkpoints(connection) {
        positions[checkpoint.partition] = checkpoint.position
      }
      for (partition, head) in heads.enumerated()
      where positions[Partition(partition)] ?? 0 < head {
        return false
      }
    } catch {
      throw Self.wrap(error, path: path)
    }
    try completeBuild()
    return true
  }

  /// Keeps what a replay tells of itself, in place of what it has told before.
  public func note(replay text: String) throws(ReadModelError) {
    do {
      try connection.write { try ReadModelSchema.write(note: text, connection) }
    } catch {
      throw Self.wrap(error, path: path)
    }
  }
}
