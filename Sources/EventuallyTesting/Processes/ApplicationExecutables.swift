import Foundation

/// How the roles of an application are started.
public struct ApplicationExecutables: Sendable {
  /// An executable, and the arguments that come before all others.
  package struct Command: Sendable {
    package var executable: String
    package var arguments: [String] = []

    package init(_ executable: String, _ arguments: [String] = []) {
      self.executable = executable
      self.arguments = arguments
    }
  }

  package var writer: Command
  package var projector: Command
  package var administration: Command
  package var broker: Command

  /// An application whose one executable has all roles: `writer`, `projector`, `broker`, and the administrative commands.
  /// - Parameter path: the executable, as `swift build --show-bin-path` and its name.
  public init(application path: String) {
    writer = Command(path, ["writer"])
    projector = Command(path, ["projector"])
    administration = Command(path)
    broker = Command(path, ["broker"])
  }

  /// An application whose executable was built together with the tests.
  /// - Parameter name: the executable's.
  public init(builtWithTests name: String) {
    let folder = Bundle.main.executableURL?.deletingLastPathComponent().path() ?? ""
    self.init(application: folder + name)
  }

  /// An application with an executable for each role.
  package init(writer: String, projector: String, administration: String, broker: [String]) {
    self.writer = Command(writer)
    self.projector = Command(projector)
    self.administration = Command(administration)
    self.broker = Command(broker[0], Array(broker.dropFirst()))
  }
}
