import Eventually
import Foundation
import Testing

@testable import EventuallySQLite

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// One writer for a store's file, by whatever path it is opened.
@Suite struct StoreLockTests {
  private let folder: TemporaryFolder
  private var path: String { folder.file("store.sqlite") }

  init() throws {
    folder = try TemporaryFolder()
  }

  private func code(_ path: String) -> StoreOpenError.Code? {
    do throws(StoreOpenError) {
      _ = try TextStore(path: path, codec: TextCodec())
      return nil
    } catch {
      return error.code
    }
  }

  @Test func aStoreHasOneWriterByWhateverPath() async throws {
    let store = try TextStore(path: path, codec: TextCodec())
    _ = try await store.append(["one"], to: "s", expecting: .any)
    #expect(symlink(path, folder.file("symbolic.sqlite")) == 0)
    #expect(link(path, folder.file("hard.sqlite")) == 0)
    #expect(mkdir(folder.file("folder"), 0o755) == 0)
    #expect(symlink(folder.path, folder.file("folder/up")) == 0)
    for other in ["symbolic.sqlite", "hard.sqlite", "folder/up/store.sqlite", "store.sqlite"] {
      #expect(code(folder.file(other)) == .locked, "\(other)")
    }
    // What was refused has taken no lock away from the writer.
    _ = try await store.append(["two"], to: "s", expecting: .exact(1))
    #expect(unlink(folder.file("hard.sqlite")) == 0)
    await store.close()
    #expect(code(folder.file("symbolic.sqlite")) == nil)
    #expect(code(path) == nil)
  }

  /// Another process, which holds the file through a hard link of its own.
  @Test func aWriterInAnotherProcessIsSeenThroughAHardLink() throws {
    do { _ = try TextStore(path: path, codec: TextCodec()) }
    #expect(link(path, folder.file("hard.sqlite")) == 0)
    let other = Process()
    other.executableURL = URL(filePath: "/usr/bin/env")
    other.arguments = ["flock", "--exclusive", folder.file("hard.sqlite"), "cat"]
    let (input, output) = (Pipe(), Pipe())
    other.standardInput = input
    other.standardOutput = output
    try other.run()
    // It answers once it has the lock.
    try input.fileHandleForWriting.write(contentsOf: Data("x".utf8))
    #expect(try output.fileHandleForReading.read(upToCount: 1)?.count == 1)
    #expect(code(path) == .locked)
    try input.fileHandleForWriting.close()
    other.waitUntilExit()
    #expect(code(path) == nil)
  }

  @Test func aFileSystemWithoutWorkingLocksIsRefused() throws {
    let path = folder.file("probe.lock")
    try Data().write(to: URL(filePath: path))
    let held = open(path, O_RDWR | O_CLOEXEC)
    defer { close(held) }
    #expect(flock(held, LOCK_EX) == 0)
    try LockProbe.check(path, storePath: "s")
    let accepting = #expect(throws: StoreOpenError.self) {
      try LockProbe.check(path, storePath: "s", lock: { _, _ in 0 })
    }
    #expect(accepting?.code == .noLocks)
    let refusing = #expect(throws: StoreOpenError.self) {
      try LockProbe.check(path, storePath: "s") { _, _ in
        errno = ENOLCK
        return -1
      }
    }
    #expect(refusing?.code == .noLocks)
    #expect(refusing?.description.contains("put it on a local disk") == true)
  }
}
