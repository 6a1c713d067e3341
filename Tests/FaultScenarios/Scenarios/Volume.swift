import Eventually
import Foundation

/// A small volume of its own, with room for a write-ahead log: many small commits make one of more than 16 MB.
final class Volume {
  let path: String
  private let pipeline: Pipeline
  private var isMounted = true

  @Sendable
  static func obstacle() -> String? {
    getuid() == 0 ? nil : "mounting a small volume takes root"
  }

  init(in pipeline: Pipeline, megabytes: Int) async throws {
    path = pipeline.file("volume")
    self.pipeline = pipeline
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    let mount = try await pipeline.startTool(
      "mount", ["-t", "tmpfs", "-o", "size=\(megabytes)m", "eventually-test", path])
    guard try await mount.exitCode() == 0 else { throw NotAsExpected(mount.log) }
  }

  deinit {
    // After a failure: nobody looks into the volume any more, and what is mounted there must go.
    if isMounted { umount2(path, Int32(MNT_DETACH)) }
  }

  /// A folder in the volume, of another user's, who can get there.
  func folder(of user: String) async throws -> String {
    let folder = "\(path)/\(user)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    let chown = try await pipeline.startTool("chown", [user, folder])
    guard try await chown.exitCode() == 0 else { throw NotAsExpected(chown.log) }
    return folder
  }

  /// Leaves no space.
  func fill() throws {
    try Data().write(to: URL(filePath: "\(path)/filler"))
    let handle = try FileHandle(forWritingTo: URL(filePath: "\(path)/filler"))
    let block = Data(count: 1 << 12)
    // It is meant to fail, when the volume is full.
    while (try? handle.write(contentsOf: block)) != nil {}
    try handle.close()
  }

  func empty() throws {
    try FileManager.default.removeItem(atPath: "\(path)/filler")
  }

  func remove() async throws {
    let umount = try await pipeline.startTool("umount", ["-l", path])
    guard try await umount.exitCode() == 0 else { throw NotAsExpected(umount.log) }
    isMounted = false
  }
}
