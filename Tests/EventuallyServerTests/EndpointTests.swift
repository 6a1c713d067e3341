import Eventually
import EventuallyTesting
import Foundation
import Logging
import Testing

@testable import EventuallyServer

/// What asks a server that is away.
@Suite struct EndpointTests {
  /// The client that is asked through pauses longer after each attempt, up to a minute, unless it is told not to.
  @Test(.timeLimit(.minutes(5)))
  func aServerThatWasAwayForLongIsFoundAtOnceWhenItIsBack() async throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    func server(at address: String, _ file: String) throws -> HTTPServer {
      HTTPServer(
        api: API(title: "test", summary: "test"), listen: try #require(ListenAddress(address)),
        addressFile: folder.appending(path: file).path,
        logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }
    func address(_ file: String) async throws -> String {
      let path = folder.appending(path: file).path
      try await waitUntil("the server") { FileManager.default.fileExists(atPath: path) }
      return try String(contentsOfFile: path, encoding: .utf8)
        .trimmingCharacters(in: .whitespacesAndNewlines)
    }

    let first = Task { try await server(at: "127.0.0.1:0", "first").run() }
    let url = try await address("first")
    let endpoint = try #require(HTTPEndpoint(url))
    first.cancel()
    _ = await first.result

    for _ in 1...50 {
      let error = await #expect(throws: (any Error).self) {
        try await endpoint.send("GET", "/healthz", timeout: .seconds(60))
      }
      #expect("\(try #require(error))" == "\(url) can't be reached: connection refused")
    }

    let port = try #require(url.split(separator: ":").last)
    let second = Task { try await server(at: "127.0.0.1:\(port)", "second").run() }
    defer { second.cancel() }
    _ = try await address("second")
    _ = try await endpoint.send("GET", "/healthz", timeout: .seconds(5))
  }
}
