public import Eventually
import Foundation

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// The files of one read model: its generations, which of them is live, and its savepoints.
///
///     balances/
///       generation-1.sqlite
///       generation-2.sqlite
///       live-v1.sqlite -> generation-2.sqlite
///       checkpoints/before-the-sale.sqlite
///       workers.sqlite
///
/// A generation is one build of the read model: a database of its own, with its own checkpoints. The live one is what
/// workers work on and queries are answered from. Which that is, is a symbolic link, so that it changes in one atomic
/// step. Each schema version of the read model has a live generation of its own: the code before and after a change
/// of the tables can work side by side. `workers.sqlite` has what workers tell of themselves; it may be deleted.
public struct ReadModelDirectory: Sendable, Hashable {
  /// The read model's directory.
  public let path: String
  /// The read model's name.
  public let name: String
  /// The schema version whose live generation is meant.
  public let schemaVersion: Int

  /// The directory `path` of a read model.
  public init(_ path: String, model: any ReadModel) {
    self.path = path
    name = model.name
    schemaVersion = model.schemaVersion
  }

  private static let generationPrefix = "generation-"
  private static let suffix = ".sqlite"

  /// The link to the live generation.
  public var livePath: String { livePath(schemaVersion) }

  func livePath(_ schemaVersion: Int) -> String {
    "\(path)/live-v\(schemaVersion)\(Self.suffix)"
  }

  /// The file of a generation.
  public func path(of generation: Int) -> String {
    "\(path)/\(Self.generationPrefix)\(generation)\(Self.suffix)"
  }

  /// Numbers that a generation can have: a file with another one in its name is not ours.
  static let numbers = 1...999_999_999

  /// What SQLite and the crash journal add to the name of a database for the files beside it.
  static let companions = ["-wal", "-shm", "-journal", "-crash"]

  private static func number(_ fileName: some StringProtocol) -> Int? {
    guard fileName.hasPrefix(generationPrefix), fileName.hasSuffix(suffix),
      let number = Int(fileName.dropFirst(generationPrefix.count).dropLast(suffix.count)),
      numbers.contains(number), fileName.utf8.allSatisfy({ $0 != UInt8(ascii: "+") })
    else { return nil }
    return number
  }

  /// The number of the generation that a file is, or that it lies beside.
  static func number(ofPart fileName: String) -> Int? {
    for companion in companions where fileName.hasSuffix(companion) {
      return number(fileName.dropLast(companion.count))
    }
    return number(fileName)
  }

  /// The number of the live generation; `nil` where there is none yet.
  public func live() -> Int? {
    live(schemaVersion: schemaVersion)
  }

  /// The same; `nil` too where its file is gone, as a damaged one that was moved away is.
  var liveWithFile: Int? {
    live().flatMap { FileIdentity(path: path(of: $0)) == nil ? nil : $0 }
  }

  func live(schemaVersion: Int) -> Int? {
    target(ofLink: livePath(schemaVersion))
  }

  /// The generation that a link leads to; `nil` where it is none.
  func target(ofLink link: String) -> Int? {
    let target = withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { buffer in
      guard let start = buffer.baseAddress else { return "" }
      let count = readlink(link, start, buffer.count)
      return String(decoding: UnsafeRawBufferPointer(buffer).prefix(max(count, 0)), as: UTF8.self)
    }
    return Self.number(target)
  }

  /// The numbers of all generations, of every schema version, in the order in which they were begun.
  public func generations() throws(ReadModelError) -> [Int] {
    try fileNames(in: path).compactMap { Self.number($0) }.sorted()
  }

  /// The names of a directory's files; none where it does not exist.
  func fileNames(in directory: String) throws(ReadModelError) -> [String] {
    guard FileManager.default.fileExists(atPath: directory) else { return [] }
    do {
      return try FileManager.default.contentsOfDirectory(atPath: directory)
    } catch {
      throw .unavailable(location: directory, cause: error)
    }
  }

  /// Makes the directory where it does not exist.
  func create() throws(ReadModelError) {
    do {
      try FileManager.default.createDirectory(
        atPath: path, withIntermediateDirectories: true)
    } catch {
      throw .unavailable(location: path, cause: error)
    }
  }

  /// Runs `body` while no other process changes what a directory has: the generations, where none is named.
  func exclusively<Result>(
    in directory: String? = nil, _ body: () throws(ReadModelError) -> Result
  ) throws(ReadModelError) -> Result {
    let directory = directory ?? path
    let descriptor = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { throw systemError(directory) }
    defer { close(descriptor) }
    while flock(descriptor, LOCK_EX) != 0 {
      guard errno == EINTR else { throw systemError(directory) }
    }
    return try body()
  }

  /// Runs `body` where no other process changes the generations at the moment, without waiting.
  func exclusivelyWhereFree(_ body: () throws(ReadModelError) -> Void) throws(ReadModelError) {
    let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { throw systemError(path) }
    defer { close(descriptor) }
    if flock(descriptor, LOCK_EX | LOCK_NB) == 0 { return try body() }
    guard errno == EWOULDBLOCK || errno == EINTR else { throw systemError(path) }
  }

  /// Makes a generation the live one, in one atomic step, and durably.
  /// - Parameter version: whose live one; this code's where it is left out.
  func link(_ generation: Int, of version: Int? = nil) throws(ReadModelError) {
    let link = livePath(version ?? schemaVersion)
    let new = link + ".new"
    unlink(new)
    let target = "\(Self.generationPrefix)\(generation)\(Self.suffix)"
    guard symlink(target, new) == 0, rename(new, link) == 0 else { throw systemError(link) }
    try synchronize(path)
  }

  /// Makes what was done to a directory's entries durable.
  func synchronize(_ directory: String) throws(ReadModelError) {
    let descriptor = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { throw systemError(directory) }
    defer { close(descriptor) }
    guard fsync(descriptor) == 0 else { throw systemError(directory) }
  }

  /// Opens the live generation, and begins the first where there is none.
  func openLive<Model: ReadModel>(
    _ model: Model, codec: any EventCodec<Model.Event>, storeID: String, partitionCount: Partition,
    parkingLimit: Int
  ) throws(ReadModelError) -> (generation: Int, database: ReadModelDatabase<Model>) {
    func open(_ generation: Int) throws(ReadModelError) -> ReadModelDatabase<Model> {
      try ReadModelDatabase(
        path: path(of: generation), model: model, codec: codec, storeID: storeID,
        partitionCount: partitionCount, parkingLimit: parkingLimit,
        isCurrent: isLive(path(of: generation)))
    }
    // A file that exists is not begun anew, so nobody else can begin it at the same time.
    if let generation = live(), FileIdentity(path: path(of: generation)) != nil {
      try exclusivelyWhereFree { () throws(ReadModelError) in try removeLeftovers() }
      let database = try open(generation)
      // It may have been dropped meanwhile, with all that would be written to it.
      if live() != nil { return (generation, database) }
    }
    try create()
    return try exclusively { () throws(ReadModelError) in
      try removeLeftovers()
      let last = live()
      if let last, FileIdentity(path: path(of: last)) != nil { return (last, try open(last)) }
      // One whose file is gone is not begun again under its number.
      let generation = last == nil ? try firstGeneration() : try takeNumber()
      let database = try open(generation)
      try link(generation)
      return (generation, database)
    }
  }

  /// Tells, whenever it is asked, whether the file that is at `path` when it is asked first is still the live one.
  private func isLive(_ path: String) -> @Sendable () -> Bool {
    let opened = Locked<FileIdentity?>(nil)
    return {
      let identity = opened.withLock { opened in
        opened = opened ?? FileIdentity(path: path)
        return opened
      }
      return liveFile == identity
    }
  }

  /// The file of the live generation; `nil` where there is none.
  public var liveFile: FileIdentity? { FileIdentity(path: livePath) }

  /// One that a worker began and was killed before it was live, or a new one.
  private func firstGeneration() throws(ReadModelError) -> Int {
    let numbers = try generations()
    for number in numbers.reversed() {
      guard let found = try description(of: number) else { return number }
      if found.schemaVersion == schemaVersion, found.replay == nil { return number }
    }
    return try takeNumber()
  }
}

/// What tells a file from another one that takes its place.
public struct FileIdentity: Sendable, Hashable {
  let device: Int64
  let inode: Int64

  /// The file that a path leads to; `nil` where there is none.
  public init?(path: String) {
    var status = stat()
    guard stat(path, &status) == 0 else { return nil }
    self.init(status)
  }

  /// The file that a descriptor is of.
  init?(descriptor: Int32) {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { return nil }
    self.init(status)
  }

  private init(_ status: stat) {
    device = Int64(truncatingIfNeeded: status.st_dev)
    inode = Int64(truncatingIfNeeded: status.st_ino)
  }
}

/// What the system said of the last call on a path.
func systemError(_ path: String) -> ReadModelError {
  .unavailable(location: path, cause: SystemError(code: errno))
}
