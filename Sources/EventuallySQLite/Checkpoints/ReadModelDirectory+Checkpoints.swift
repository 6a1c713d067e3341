public import Eventually
import Foundation

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Named checkpoints of a read model.
extension ReadModelDirectory {
  var checkpointDirectory: String { "\(path)/checkpoints" }

  func path(ofCheckpoint name: String) -> String {
    "\(checkpointDirectory)/\(name).sqlite"
  }

  /// Saves the live generation as it stands under a name, while workers go on.
  /// - Throws: ``ReadModelError``. Where it throws, there is no checkpoint of that name that was not there before.
  @discardableResult
  public func saveCheckpoint(
    _ name: String, of model: any ReadModel
  ) throws(ReadModelError) -> SavedCheckpoint {
    let saved = try saveCheckpoint(name, of: model, isAutomatic: false) {
      () throws(ReadModelError) in true
    }
    guard let saved else { throw .noCheckpoint(name, path: path) }
    return saved
  }

  /// The same, where it is still due once nobody else can save one.
  func saveCheckpoint(
    _ name: String, of model: any ReadModel, isAutomatic: Bool,
    isDue: () throws(ReadModelError) -> Bool
  ) throws(ReadModelError) -> SavedCheckpoint? {
    guard SavedCheckpoint.isValid(name: name) else { throw .invalidCheckpointName(name) }
    guard let live = liveWithFile else { throw .notBuilt(path: path) }
    try createCheckpointDirectory()
    let destination = path(ofCheckpoint: name)
    return try exclusively(in: checkpointDirectory) { () throws(ReadModelError) in
      guard try isDue() else { return nil }
      guard !FileManager.default.fileExists(atPath: destination) else {
        throw .checkpointExists(name, path: path)
      }
      try removeUnfinished(in: checkpointDirectory)
      let unfinished = destination + Self.unfinishedSuffix
      do throws(ReadModelError) {
        try copyDatabase(path(of: live), to: unfinished) { (copy) throws(SQLiteError) in
          try SavedCheckpoint.seal(
            copy, name: name, isAutomatic: isAutomatic, tables: model.tables.map { $0.schema })
        }
      } catch {
        try removeDatabase(unfinished)
        throw error
      }
      guard rename(unfinished, destination) == 0 else { throw systemError(destination) }
      try synchronize(checkpointDirectory)
      return try checkpoint(name)
    }
  }

  /// Makes the directory of checkpoints where it does not exist.
  func createCheckpointDirectory() throws(ReadModelError) {
    do {
      try FileManager.default.createDirectory(
        atPath: checkpointDirectory, withIntermediateDirectories: true)
    } catch {
      throw .unavailable(path: checkpointDirectory, cause: error)
    }
  }

  /// What files end in that somebody is writing, or was killed writing.
  static var unfinishedSuffix: String { ".unfinished" }

  /// Removes what somebody was killed writing. Nobody else may be writing.
  func removeUnfinished(in directory: String) throws(ReadModelError) {
    for name in try fileNames(in: directory) where name.contains(Self.unfinishedSuffix) {
      guard unlink("\(directory)/\(name)") == 0 || errno == ENOENT else {
        throw systemError("\(directory)/\(name)")
      }
    }
  }

  /// Copies a database as it stands to a file that stands by itself, and has `finish` change the copy.
  func copyDatabase(
    _ source: String, to destination: String,
    finish: (SQLiteConnection) throws(SQLiteError) -> Void
  ) throws(ReadModelError) {
    do {
      let original = try SQLiteConnection(path: source, mode: .readOnly)
      try DiskSpace.require(
        try DiskSpace.size(of: original),
        in: URL(filePath: destination).deletingLastPathComponent().path())
      let copy = try SQLiteConnection(path: destination, mode: .create)
      try original.copy(to: copy)
      // One file, without a log beside it.
      try copy.execute("PRAGMA journal_mode = DELETE")
      try finish(copy)
    } catch let error as SQLiteError where error.isFull {
      throw .full(path: destination)
    } catch {
      throw .failed(source, error)
    }
  }

  /// A checkpoint, as it says of itself; ``SavedCheckpoint/verify(model:)`` holds it against its digest.
  public func checkpoint(_ name: String) throws(ReadModelError) -> SavedCheckpoint {
    let path = path(ofCheckpoint: name)
    guard FileManager.default.fileExists(atPath: path) else {
      throw .noCheckpoint(name, path: self.path)
    }
    do {
      let connection = try SQLiteConnection(path: path, mode: .readOnly)
      guard let checkpoint = try SavedCheckpoint(connection), checkpoint.name == name else {
        throw ReadModelError.damagedCheckpoint(
          name, path: path, reason: "it does not say that it is one")
      }
      return checkpoint
    } catch {
      throw .failedCheckpoint(name, path, error)
    }
  }

  /// The names of all checkpoints, of every schema version.
  public func checkpointNames() throws(ReadModelError) -> [String] {
    try fileNames(in: checkpointDirectory).filter { $0.hasSuffix(".sqlite") }
      .map { String($0.dropLast(".sqlite".count)) }.sorted()
  }

  /// All checkpoints of this schema version that can be read, the oldest first.
  public func checkpoints() throws(ReadModelError) -> [SavedCheckpoint] {
    var found: [SavedCheckpoint] = []
    for name in try checkpointNames() {
      do {
        let checkpoint = try checkpoint(name)
        if checkpoint.schemaVersion == schemaVersion { found.append(checkpoint) }
      } catch .damagedCheckpoint, .noCheckpoint {
        // Whoever names it hears of it; and it may just have been deleted.
        continue
      }
    }
    return found.sorted { ($0.saved, $0.name) < ($1.saved, $1.name) }
  }

  /// The checkpoint with the most events among those that have nothing after some positions.
  public func newestCheckpoint(
    atOrBefore heads: [UInt64], of storeID: String
  ) throws(ReadModelError) -> SavedCheckpoint? {
    try checkpoints().filter { $0.storeID == storeID && $0.isAtOrBefore(heads) }
      .max { $0.events < $1.events }
  }

  /// Deletes a checkpoint for good.
  public func deleteCheckpoint(_ name: String) throws(ReadModelError) {
    guard SavedCheckpoint.isValid(name: name) else { throw .invalidCheckpointName(name) }
    let path = path(ofCheckpoint: name)
    guard FileManager.default.fileExists(atPath: path) else {
      throw .noCheckpoint(name, path: self.path)
    }
    try removeDatabase(path)
  }
}
