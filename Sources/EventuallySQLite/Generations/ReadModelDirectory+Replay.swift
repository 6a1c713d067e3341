public import Eventually
import Foundation

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

extension ReadModelDirectory {
  /// Makes a new generation for a replay, whose right the caller has.
  public func beginGeneration(
    _ request: String, from base: Savepoint?, model: any ReadModel, storeID: String,
    partitionCount: Partition
  ) throws(ReadModelError) -> Int {
    try exclusively { () throws(ReadModelError) in
      try makeGeneration(
        request, from: base, model: model, storeID: storeID, partitionCount: partitionCount)
    }
  }

  private func makeGeneration(
    _ request: String, from base: Savepoint?, model: any ReadModel, storeID: String,
    partitionCount: Partition
  ) throws(ReadModelError) -> Int {
    try removeLeftovers()
    let number = try takeNumber()
    let destination = path(of: number)
    let unfinished = destination + Self.unfinishedSuffix
    var build = ReadModelSchema.Build()
    build.replay = request
    build.origin = base.map { "the savepoint '\($0.name)'" } ?? "the first event"
    do {
      if let base {
        try copyDatabase(base.location, to: unfinished) { (copy) throws(SQLiteError) in
          try Savepoint.unseal(copy)
          try ReadModelSchema.write(build, copy)
        }
      } else {
        let connection = try SQLiteConnection(path: unfinished, mode: .create)
        try ReadModelSchema.prepare(
          connection, tables: model.tables.map { $0.schema },
          identity: ReadModelSchema.Identity(
            name: model.name, schemaVersion: model.schemaVersion, storeID: storeID,
            partitionCount: partitionCount))
        try ReadModelSchema.write(build, connection)
      }
      try takeOverParkRequests(unfinished)
    } catch let error as ReadModelError {
      throw error
    } catch {
      throw .unavailable(location: unfinished, cause: error)
    }
    guard rename(unfinished, destination) == 0 else { throw systemError(destination) }
    try synchronize(path)
    return number
  }

  /// What an administrator has decided about events of unknown types holds for the next generation too.
  private func takeOverParkRequests(_ path: String) throws {
    guard let live = liveWithFile else { return }
    let requests = try ParkedEvents(
      connection: try SQLiteConnection(path: self.path(of: live), mode: .readOnly)
    ).requests()
    let parked = ParkedEvents(connection: try SQLiteConnection(path: path, mode: .create))
    for (partition, position) in requests { try parked.request(partition, position) }
  }
}
