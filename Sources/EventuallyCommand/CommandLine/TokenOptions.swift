import ArgumentParser
package import EventuallyServer
import Foundation

/// Where the token comes from.
package struct TokenOptions: ParsableArguments {
  package init() {}

  static let variable = "EVENTUALLY_TOKEN"

  @Option(
    help: ArgumentHelp(
      "A file that holds the writer's bearer token: 16 characters or more.",
      discussion: """
        The environment variable EVENTUALLY_TOKEN may hold the token itself instead; set and empty, it is \
        an error.
        """,
      valueName: "file"))
  var tokenFile: String?

  /// The token, `nil` where there is none.
  package func token() throws -> BearerToken? {
    if let tokenFile {
      let text: String
      do {
        text = try String(contentsOfFile: tokenFile, encoding: .utf8)
      } catch {
        throw Failure("the token file \(tokenFile) can't be read: \(error.localizedDescription)")
      }
      return try BearerToken(
        text.trimmingCharacters(in: .whitespacesAndNewlines), from: tokenFile)
    }
    guard let text = ProcessInfo.processInfo.environment[Self.variable] else { return nil }
    return try BearerToken(text, from: Self.variable)
  }
}
