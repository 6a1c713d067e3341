import ArgumentParser
package import EventuallyServer
import Foundation
package import Logging

/// Where tokens come from.
package struct TokenOptions: ParsableArguments {
  package init() {}

  static let variable = "EVENTUALLY_TOKEN"

  @Option(
    help: ArgumentHelp(
      "A file of the tokens that requests must have, a line each: NAME ROLE TOKEN; or one token alone.",
      discussion: """
        Roles are read, write and administer; each may do what those before it may. A token has 16 characters or more, and one that is \
        alone may do everything. The file is read again when it changes. A process that sends requests sends the file's token, where \
        that is the only one.

        The environment variable EVENTUALLY_TOKEN may hold one token instead; set and empty, it is an error.
        """,
      valueName: "file"))
  var tokenFile: String?

  /// What requests to this process must have; `nil` for nothing.
  package func accepted(logger: Logger) throws -> AccessTokens? {
    if let tokenFile { return try AccessTokens(file: tokenFile, logger: logger) }
    return try Self.variableToken().map { AccessTokens([$0]) }
  }

  /// What this process's own requests have; `nil` for nothing.
  /// - Parameter remedy: what to do where the file has several tokens.
  package func presented(
    orElse remedy: String = "give this command a file with its own token alone"
  ) throws -> BearerToken? {
    guard let tokenFile else { return try Self.variableToken() }
    let tokens = try AccessTokens.tokens(ofFile: tokenFile)
    if tokens.count == 1 { return tokens[0] }
    if let token = try Self.variableToken() { return token }
    throw Failure(
      "the token file \(tokenFile) holds \(tokens.count) tokens, and a request has one: \(remedy)")
  }

  private static func variableToken() throws -> BearerToken? {
    guard let text = ProcessInfo.processInfo.environment[variable] else { return nil }
    return try BearerToken(text, from: variable)
  }
}
