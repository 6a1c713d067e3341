import Foundation

extension StoreLocation {
  /// The size of the file system that the store's file is on, and how much of it is free, in bytes; `nil` where the store is no file, or the
  /// system does not tell.
  var disk: (size: Double, free: Double)? {
    guard case .file(let path) = self,
      let found = try? FileManager.default.attributesOfFileSystem(forPath: path),
      let size = found[.systemSize] as? NSNumber, let free = found[.systemFreeSize] as? NSNumber
    else { return nil }
    return (size.doubleValue, free.doubleValue)
  }
}
