import Eventually
import Foundation
import Testing

/// The version is said once, and where a file has to repeat it, it is the same.
@Suite struct VersionTests {
  private func content(_ path: String) throws -> String {
    let package = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    return try String(contentsOf: package.appending(path: path), encoding: .utf8)
  }

  @Test func itIsASemanticVersion() {
    #expect(LibraryVersion.current.wholeMatch(of: /\d+\.\d+\.\d+(-[0-9A-Za-z.]+)?/) != nil)
  }

  @Test func theNewestEntryOfTheChangelogHasIt() throws {
    let headings = try content("CHANGELOG.md").split(separator: "\n").filter {
      $0.hasPrefix("## [")
    }
    #expect(headings.first?.hasPrefix("## [\(LibraryVersion.current)]") == true, "\(headings)")
  }

  @Test func theImageIsLabelledWithIt() throws {
    let label = "org.opencontainers.image.version=\"\(LibraryVersion.current)\""
    #expect(try content("deploy/Dockerfile").contains(label))
  }
}
