package import Eventually
import Foundation

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Whether a disk has room for what is about to be written, before it is filled.
package enum DiskSpace {
  /// How many bytes a folder's file system has left for this user; `nil` where it does not say.
  package static func available(at folder: String) -> UInt64? {
    var status = statvfs()
    guard statvfs(folder, &status) == 0 else { return nil }
    let (bytes, isTooMuch) = UInt64(status.f_bavail).multipliedReportingOverflow(
      by: UInt64(status.f_frsize))
    return isTooMuch ? .max : bytes
  }

  /// - Throws: `ReadModelError.notEnoughSpace(location:needed:available:)` where there is less room in a folder than is
  ///   needed. A twentieth is kept free for others.
  package static func require(
    _ needed: UInt64, in folder: String,
    available: (String) -> UInt64? = DiskSpace.available(at:)
  ) throws(ReadModelError) {
    guard let found = available(folder) else { return }
    guard found - found / 20 < needed else { return }
    throw .notEnoughSpace(location: folder, needed: needed, available: found)
  }

  /// How many bytes a database takes, with what its log holds.
  static func size(of connection: SQLiteConnection) throws(SQLiteError) -> UInt64 {
    let pages = try connection.integer("PRAGMA page_count") ?? 0
    let size = try connection.integer("PRAGMA page_size") ?? 0
    return UInt64(clamping: pages) * UInt64(clamping: size)
  }
}

extension ReadModelReader {
  /// How many bytes a copy of the read model takes.
  public func size() async throws -> UInt64 {
    try await lookUpOwn { try DiskSpace.size(of: $0) }
  }
}
