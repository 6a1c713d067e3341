import Foundation
import HTTPTypes
import Testing

@testable import EventuallyServer

@Suite struct ConsoleFilesTests {
  private static let folder = URL(filePath: #filePath).deletingLastPathComponent()
    .appending(path: "../../../Sources/EventuallyServer/Console/Resources").standardizedFileURL

  @Test func theSourceHoldsTheFiles() throws {
    var files: [String: String] = [:]
    let paths = try #require(FileManager.default.subpaths(atPath: Self.folder.path()))
    for path in paths where path.contains(".") {
      files[path] = try String(contentsOf: Self.folder.appending(path: path), encoding: .utf8)
    }
    #expect(files.count > 30)
    #expect(
      Set(files.keys) == Set(ConsoleFiles.all.keys), "run deploy/console-resources")
    for (path, text) in files {
      #expect(
        ConsoleFiles.all[path].map { $0.bytes == Array(text.utf8) } == true,
        "\(path) differs: run deploy/console-resources")
    }
  }

  @Test func filesHaveTypesAndTags() throws {
    let page = try #require(ConsoleFiles.all["index.html"])
    #expect(page.type == "text/html; charset=utf-8")
    #expect(ConsoleFiles.all["main.js"]?.type == "text/javascript; charset=utf-8")
    #expect(ConsoleFiles.all["styles/base.css"]?.type == "text/css; charset=utf-8")
    #expect(ConsoleFiles.all["icon.svg"]?.type == "image/svg+xml")
    #expect(ConsoleFiles.type(of: "x.exe") == "application/octet-stream")
    #expect(page.response.fields[.eTag] == page.tag.description)
    #expect(page.response.fields[.cacheControl] == "private, no-cache")
  }

  /// The pages' policy forbids it, so that it would not work.
  @Test func nothingIsInline() throws {
    let page = try #require(ConsoleFiles.all["index.html"])
    let text = String(decoding: page.bytes, as: UTF8.self)
    #expect(!text.contains("style=") && !text.contains(/<script>/) && !text.contains(/\son[a-z]+=/))
    for (path, file) in ConsoleFiles.all where path.hasSuffix(".js") {
      let text = String(decoding: file.bytes, as: UTF8.self)
      #expect(!text.contains(/\b(innerHTML|outerHTML|insertAdjacentHTML|eval\()/), "\(path)")
      #expect(!text.contains(/https?:\/\/(?!www\.w3\.org)/), "\(path) names another site")
    }
  }
}
