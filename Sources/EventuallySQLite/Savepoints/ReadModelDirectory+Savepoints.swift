public import Eventually
import Foundation

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Savepoints of a read model.
extension ReadModelDirectory {
  var savepointDirectory: String { "\(path)/checkpoints" }

  func path(ofSavepoint name: String) -> String {
    "\(savepointDirectory)/\(name).sqlite"
  }

  /// Saves the live generation as it stands under a name, while workers go on.
  /// - Throws: `ReadModelError`. Where it throws, there is no savepoint of that name that was not there before.
  @discardableResult
  public func saveSavepoint(
    _ name: String, of model: any ReadModel
  ) throws(ReadModelError) -> Savepoint {
    let saved = try saveSavepoint(name, of: model, isAutomatic: false) { _ in true }
    guard let saved else { throw .noSavepoint(name, location: path) }
    return saved
  }

  /// The same, where it is still due once nobody else can save one.
  public func saveSavepoint(
    _ name: String, of model: any ReadModel, isAutomatic: Bool, isDue: ([Savepoint]) -> Bool
  ) throws(ReadModelError) -> Savepoint? {
    guard Savepoint.isValid(name: name) else { throw .invalidSavepointName(name) }
    guard let live = liveWithFile else { throw .notBuilt(location: path) }
    try createSavepointDirectory()
    let destination = path(ofSavepoint: name)
    return try exclusively(in: savepointDirectory) { () throws(ReadModelError) in
      guard isDue(try savepoints()) else { return nil }
      guard !FileManager.default.fileExists(atPath: destination) else {
        throw .savepointExists(name, location: path)
      }
      try removeUnfinished(in: savepointDirectory)
      let unfinished = destination + Self.unfinishedSuffix
      do throws(ReadModelError) {
        try copyDatabase(path(of: live), to: unfinished) { (copy) throws(SQLiteError) in
          try Savepoint.seal(
            copy, name: name, isAutomatic: isAutomatic, tables: model.tables.map { $0.schema })
        }
      } catch {
        try removeDatabase(unfinished)
        throw error
      }
      guard rename(unfinished, destination) == 0 else { throw systemError(destination) }
      try synchronize(savepointDirectory)
      return try savepoint(name)
    }
  }

  /// Makes the directory of savepoints where it does not exist.
  func createSavepointDirectory() throws(ReadModelError) {
    do {
      try FileManager.default.createDirectory(
        atPath: savepointDirectory, withIntermediateDirectories: true)
    } catch {
      throw .unavailable(location: savepointDirectory, cause: error)
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
      // One file, without a log beside it, and nothing in its free parts of what is deleted now.
      try copy.execute("PRAGMA journal_mode = DELETE; PRAGMA secure_delete = ON")
      try finish(copy)
    } catch let error as SQLiteError where error.isFull {
      throw .full(location: destination)
    } catch {
      throw .failed(source, error)
    }
  }

  /// A savepoint, as it says of itself; `Savepoint.verify(model:)` holds it against its digest.
  public func savepoint(_ name: String) throws(ReadModelError) -> Savepoint {
    let path = path(ofSavepoint: name)
    guard FileManager.default.fileExists(atPath: path) else {
      throw .noSavepoint(name, location: self.path)
    }
    do {
      let connection = try SQLiteConnection(path: path, mode: .readOnly)
      guard let savepoint = try Savepoint(connection), savepoint.name == name else {
        throw ReadModelError.damagedSavepoint(
          name, location: path, reason: "it does not say that it is one")
      }
      return savepoint
    } catch {
      throw .failedSavepoint(name, path, error)
    }
  }

  /// The names of all savepoints, of every schema version.
  public func savepointNames() throws(ReadModelError) -> [String] {
    try fileNames(in: savepointDirectory).filter { $0.hasSuffix(".sqlite") }
      .map { String($0.dropLast(".sqlite".count)) }.sorted()
  }

  /// All savepoints of this schema version that can be read, the oldest first.
  public func savepoints() throws(ReadModelError) -> [Savepoint] {
    var found: [Savepoint] = []
    for name in try savepointNames() {
      do {
        let savepoint = try savepoint(name)
        if savepoint.schemaVersion == schemaVersion { found.append(savepoint) }
      } catch .damagedSavepoint, .noSavepoint {
        // Whoever names it gets the error; and it may just have been deleted.
        continue
      }
    }
    return found.sorted { ($0.saved, $0.name) < ($1.saved, $1.name) }
  }

  /// Deletes a savepoint for good.
  public func deleteSavepoint(_ name: String) throws(ReadModelError) {
    guard Savepoint.isValid(name: name) else { throw .invalidSavepointName(name) }
    let path = path(ofSavepoint: name)
    guard FileManager.default.fileExists(atPath: path) else {
      throw .noSavepoint(name, location: self.path)
    }
    try removeDatabase(path)
  }
}
