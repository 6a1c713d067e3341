import EventuallyServer
import Testing

/// The code of the article "The console" of EventuallyServer.
extension FirstApplication {
  @Suite struct ConsoleTests {
    /// As SwiftPM makes it of embedded files.
    private enum PackageResources {
      static let tags_js: [UInt8] = Array("export function show(place) {}\n".utf8)
    }

    private struct WithPage: EventuallyApplication {
      static let name = "bank"

      var components: [any Component] {
        Account()
        // snippet.embedded
        ConsolePage(
          "tags", "Tags", module: "tags.js", files: ["tags.js": PackageResources.tags_js])
        // snippet.end
      }
    }

    @Test func aPageIsTaken() {
      #expect(throws: Never.self) { try ApplicationModel(WithPage()) }
    }
  }
}
