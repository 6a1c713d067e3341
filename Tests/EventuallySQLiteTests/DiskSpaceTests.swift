import Eventually
import Foundation
import Testing

@testable import EventuallySQLite

/// What a copy needs is known before it is begun.
@Suite struct DiskSpaceTests {
  @Test func tooLittleSpaceIsSaidWithHowMuchIsNeeded() throws {
    try DiskSpace.require(950, in: "/there", available: { _ in 1_001 })
    try DiskSpace.require(.max, in: "/there", available: { _ in nil })
    let error = #expect(throws: ReadModelError.self) {
      try DiskSpace.require(50 << 30, in: "/there", available: { _ in 3 << 30 })
    }
    let said = error?.description ?? ""
    #expect(said.contains("51200 MiB are needed in /there, and 3072 MiB are free"), "\(said)")
    #expect(throws: ReadModelError.self) {
      try DiskSpace.require(1_000, in: "/there", available: { _ in 1_001 })
    }
  }

  @Test func theSizeIsThatOfTheFile() async throws {
    let folder = try TemporaryFolder()
    let path = folder.file("words.sqlite")
    let database = try ReadModelDatabase(
      path: path, model: WordModel(), codec: TextCodec(), storeID: "s", partitionCount: 1)
    let reader = try ReadModelReader(path: path, model: WordModel(), readers: 1)
    let copy = folder.file("copy.sqlite")
    try await reader.copy(to: copy)
    let size = try #require(
      try FileManager.default.attributesOfItem(atPath: copy)[.size] as? UInt64)
    #expect(try await reader.size() == size)
    #expect(try #require(DiskSpace.available(at: folder.path)) > size)
    withExtendedLifetime(database) {}
  }
}
