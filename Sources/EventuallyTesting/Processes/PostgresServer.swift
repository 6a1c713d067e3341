import Foundation

/// A PostgreSQL server in a temporary folder, as `deploy/postgres-server` runs it. It ends with this process, whose end of its standard
/// input is closed then, or with the last reference to it.
package final class PostgresServer: Sendable {
  private let input: FileHandle
  private let output: FileHandle
  /// Where it takes connections.
  package let port: UInt16
  private let address: String
  /// The folder of its data.
  package let folder: String

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
  package convenience init(at place: ProcessPlace = .here) throws {
    try self.init(copying: nil, at: place)
  }

  private init(copying origin: String?, at place: ProcessPlace) throws {
    port = try Self.freePort()
    address = place.address
    let (input, output, process) = (Pipe(), Pipe(), Process())
    let command =
      place.prefix + ["/bin/bash", Self.script, "\(port)", address] + (origin.map { [$0] } ?? [])
    process.executableURL = URL(filePath: command[0])
    process.arguments = Array(command.dropFirst())
    process.standardInput = input
    process.standardOutput = output
    self.input = input.fileHandleForWriting
    self.output = output.fileHandleForReading
    try process.run()
    let begun = Self.line(from: self.output)
    guard begun == (origin == nil ? "ready" : "copied") else {
      throw ScenarioFailure("the server says '\(begun)'")
    }
    try self.input.write(contentsOf: Data("folder\n".utf8))
    folder = Self.line(from: self.output)
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

  /// Copies a running server with all its databases, as a base backup; ``start()`` starts the copy.
  package static func copy(of server: PostgresServer) async throws -> PostgresServer {
    try await onThread { try PostgresServer(copying: server.url(), at: .here) }
  }

  /// Adds settings, which hold from the next ``start()`` on.
  package func configure(_ settings: String...) throws {
    try append(settings, to: "postgresql.conf")
  }

  /// Makes this copy, which was not started yet, a standby of another server, with what differs from the usual.
  package func standBy(behind primary: PostgresServer, _ settings: String...) throws {
    try append(
      ["primary_conninfo = 'host=127.0.0.1 port=\(primary.port) user=postgres'"] + settings,
      to: "postgresql.conf")
    try append([], to: "standby.signal")
  }

  /// Adds lines to a file of its data, which is made where there is none.
  package func append(_ lines: [String], to file: String) throws {
    let path = "\(folder)/\(file)"
    let old = FileManager.default.contents(atPath: path) ?? Data()
    let new = lines.map { $0 + "\n" }.joined()
    try (old + Data(new.utf8)).write(to: URL(filePath: path))
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
    let line = Self.line(from: output)
    guard line == answer else { throw ScenarioFailure("the server says '\(line)'") }
  }

  /// Each command is answered by one.
  private static func line(from output: FileHandle) -> String {
    String(decoding: output.availableData, as: UTF8.self).trimmingCharacters(in: .newlines)
  }

  /// A port of this host that nobody uses at the moment.
  package static func freePort() throws -> UInt16 {
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
    static let streamSocket = SOCK_STREAM
  #else
    static let streamSocket = Int32(SOCK_STREAM.rawValue)
  #endif
}
