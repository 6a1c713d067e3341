import Eventually
import Foundation

/// A temporary folder, which is removed when it is no longer used, and with the process at the latest.
final class ScratchFolder: Sendable {
  private static let all = Locked<Set<String>>([])

  let path: String

  /// - Parameter name: what the folder's name begins with.
  init(_ name: String) throws {
    let url = FileManager.default.temporaryDirectory.appending(
      path: "\(name)-\(UUID().uuidString)")
    path = url.path()
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    Self.all.withLock { [path] in _ = $0.insert(path) }
  }

  deinit { Self.remove(path) }

  func file(_ name: String) -> String { "\(path)/\(name)" }

  /// Removes all folders that are still there: the process ends.
  static func removeAll() {
    for path in all.withLock({ $0 }) { remove(path) }
  }

  private static func remove(_ path: String) {
    // What can't be removed lies in the system's temporary directory, which is cleaned by the system.
    try? FileManager.default.removeItem(atPath: path)
    all.withLock { _ = $0.remove(path) }
  }
}
