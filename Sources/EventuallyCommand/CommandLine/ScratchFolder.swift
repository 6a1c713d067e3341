import EventuallyServer
import Eventually
import Foundation

/// A temporary folder, which is removed when it is no longer used, and with the process at the latest.
final class ScratchFolder: Sendable {
  private static let all = Locked<Set<String>>([])

  let path: String

  /// - Parameter name: what the folder's name begins with. In a child of a supervised command it is the whole name, in the folder
  ///   that all of the command's children share.
  init(_ name: String) throws {
    if let shared = CrashSupervisor.folder {
      path = "\(shared)/\(name)"
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
      return
    }
    let url = FileManager.default.temporaryDirectory.appending(
      path: "\(name)-\(UUID().uuidString)")
    path = url.path()
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    Self.all.withLock { [path] in _ = $0.insert(path) }
  }

  deinit {
    // The supervisor removes what its children share.
    if CrashSupervisor.folder == nil { Self.remove(path) }
  }

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
