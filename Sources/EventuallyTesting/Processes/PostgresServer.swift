import Foundation

/// A PostgreSQL server in a temporary folder, as `deploy/postgres-server` runs it. It ends with this process, whose end of its standard
/// input is closed then, or with the last reference to it.
package final class PostgresServer: Sendable {
  private let input: FileHandle
  private let output: FileHandle
  private let port: UInt16
  private let address: String

  /// Why there can be none on this machine; `nil` where there can.
  package static var obstacle: String? {
    let installed = "/usr/lib/postgresql"
    let versions = (try? FileManager.default.contentsOfDirectory(atPath: installed)) ?? []
    let isThere = versions.contains {
      FileManager.default.isExecutableFile(atPath: "\(installed)/\($0)/bin/postgres")
    }
    return isThere ? nil : "PostgreSQL is not installed: deploy/packages --test installs it"
  }

  /// Starts a server, and waits on this thread until it takes connections.
  package init(at place: ProcessPlace = .here) throws {
    port = try Self.freePort()
    address = place.address
    let (input, output, process) = (Pipe(), Pipe(), Process())
    let command = place.prefix + ["/bin/bash", Self.script, "\(port)", address]
    process.executableURL = URL(filePath: command[0])
    process.arguments = Array(command.dropFirst())
    process.standardInput = input
    process.standardOutput = output
    self.input = input.fileHandleForWriting
    self.output = output.fileHandleForReading
    try process.run()
    try expect("ready")
  }

  private static var script: String {
    var folder = URL(filePath: #filePath)
    for _ in 1...4 { folder.deleteLastPathComponent() }
    return folder.appending(path: "deploy/postgres-server").path
  }

  /// Starts a server.
  package static func start(at place: ProcessPlace = .here) async throws -> PostgresServer {
    try await onThread { try PostgresServer(at: place) }
  }

  /// The address of a database.
  package func url(_ database: String = "postgres") -> String {
    "postgres://postgres@\(address):\(port)/\(database)"
  }

  /// Ends the server and all its processes at once, which loses what they have not written (`pg_ctl stop -m immediate`).
  package func kill() async throws { try await tell("kill", "done") }
  /// Stops the server, which ends all connections.
  package func stop() async throws { try await tell("stop", "done") }
  /// Starts the server that was stopped.
  package func start() async throws { try await tell("start", "ready") }

  private func tell(_ command: String, _ answer: String) async throws {
    try await Self.onThread {
      try self.input.write(contentsOf: Data((command + "\n").utf8))
      try self.expect(answer)
    }
  }

  /// On a thread of its own: it takes as long as the server does.
  private static func onThread<Result: Sendable>(
    _ body: @escaping @Sendable () throws -> Result
  ) async throws -> Result {
    try await withCheckedThrowingContinuation { continuation in
      Thread.detachNewThread { continuation.resume(with: .init(catching: body)) }
    }
  }

  private func expect(_ answer: String) throws {
    let line = String(decoding: output.availableData, as: UTF8.self)
    guard line == answer + "\n" else { throw ScenarioFailure("the server says '\(line)'") }
  }

  private static func freePort() throws -> UInt16 {
    let descriptor = socket(AF_INET, streamSocket, 0)
    defer { close(descriptor) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let isBound = withUnsafeMutablePointer(to: &address) { address in
      address.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, size) == 0 && getsockname(descriptor, $0, &size) == 0
      }
    }
    guard isBound else { throw ScenarioFailure("there is no free port") }
    return UInt16(bigEndian: address.sin_port)
  }

  #if canImport(Darwin)
    private static let streamSocket = SOCK_STREAM
  #else
    private static let streamSocket = Int32(SOCK_STREAM.rawValue)
  #endif
}
