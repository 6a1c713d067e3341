import Eventually

/// A copy of a generation as it was live at some moment. Its file is removed with it.
final class LiveCopy: Sendable {
  /// The generation's number.
  let generation: Int
  /// The copy.
  let path: String
  private let directory: ReadModelDirectory

  init(generation: Int, path: String, directory: ReadModelDirectory) {
    self.generation = generation
    self.path = path
    self.directory = directory
  }

  deinit {
    // What can't be removed now is removed when the next replay begins.
    try? directory.removeDatabase(path)
  }

  /// How far each partition of the store was applied.
  func positions(model: any ReadModel) async throws -> [UInt64] {
    try await ReadModelReader(path: path, model: model, readers: 1).positions()
  }
}

extension ReadModelReader {
  /// How far each partition of the store is applied, as a list; 0 for nothing.
  public func positions() async throws -> [UInt64] {
    var positions = [UInt64](repeating: 0, count: Int(partitionCount))
    for checkpoint in try await checkpoints()
    where positions.indices.contains(Int(checkpoint.partition)) {
      positions[Int(checkpoint.partition)] = checkpoint.position ?? 0
    }
    return positions
  }
}
