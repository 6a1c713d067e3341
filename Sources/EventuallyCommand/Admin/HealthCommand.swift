import ArgumentParser
import EventuallyServer
import Foundation

extension AdminCommand {
  /// `health`
  struct Health: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Ask a process whether it is healthy: exit code 0, or 1 with the reasons.",
      discussion: "For health checks of containers and services that have no other HTTP client.")

    @Argument(help: "The process's URL.")
    var url = "http://127.0.0.1:8080"
    @Flag(help: "Ask whether it is ready as well: it has all that it needs, and is not far behind.")
    var ready = false
    @Option(
      help: ArgumentHelp("How long to wait for an answer.", valueName: "seconds"),
      transform: Whole.init)
    var timeout: Whole<1, 3600> = 3
    @OptionGroup var tls: ClientTLSOptions

    func validate() throws {
      guard HTTPEndpoint(url) != nil else {
        throw ValidationError("'\(url)' is no URL such as http://127.0.0.1:8080")
      }
    }

    func run() async throws {
      guard var endpoint = HTTPEndpoint(url) else { return }
      endpoint.tls = try tls.tls()
      for path in ready ? ["/healthz", "/readyz"] : ["/healthz"] {
        let answer: (status: UInt, body: [UInt8])
        do {
          answer = try await endpoint.send("GET", path, timeout: timeout.seconds)
        } catch let error as HTTPUnreachable {
          throw Failure("\(error)")
        } catch {
          throw Failure("\(endpoint.base)\(path) does not answer: \(error)")
        }
        let text = String(decoding: answer.body, as: UTF8.self)
          .trimmingCharacters(in: .newlines)
        guard answer.status == 200 else {
          throw Failure("\(endpoint.base)\(path) answered \(answer.status): \(text)")
        }
        try Output.standard.line("\(path) \(text)")
      }
    }
  }
}
