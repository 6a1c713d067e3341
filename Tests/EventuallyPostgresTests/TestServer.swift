import Foundation
import Synchronization

@testable import EventuallyPostgres

/// A PostgreSQL server of the tests' own. It ends with the test process, whose end of its standard input is closed then.
final class TestServer: Sendable {
  /// For tests that leave the server as it is. Each makes a database of its own.
  static let shared = Result { try TestServer() }

  struct Failure: Error, CustomStringConvertible {
    var description: String
  }

  private let input: FileHandle
  private let output: FileHandle
  private let port: UInt16
  private let databases = Atomic(0)

  init() throws {
    port = try Self.freePort()
    let (input, output, process) = (Pipe(), Pipe(), Process())
    process.executableURL = URL(filePath: "/bin/bash")
    process.arguments = [
      URL(filePath: #filePath + "/../../../deploy/postgres-server").standardized.path, "\(port)",
    ]
    process.standardInput = input
    process.standardOutput = output
    self.input = input.fileHandleForWriting
    self.output = output.fileHandleForReading
    try process.run()
    try expect("ready")
  }

  /// The address of a database.
  func url(_ database: String = "postgres") -> String {
    "postgres://postgres@127.0.0.1:\(port)/\(database)"
  }

  /// Makes an empty database.
  func makeDatabase() async throws -> String {
    let name = "test\(databases.add(1, ordering: .relaxed).newValue)"
    let connection = try await PostgresConnection(url())
    _ = try await connection.run([PostgresStatement("CREATE DATABASE \(name)")], "create")
    await connection.close()
    return url(name)
  }

  /// Ends the server and all its processes at once, which loses what they have not written (`pg_ctl stop -m immediate`).
  func kill() async throws { try await tell("kill", "done") }
  /// Stops the server, which ends all connections.
  func stop() async throws { try await tell("stop", "done") }
  /// Starts the server that was stopped.
  func start() async throws { try await tell("start", "ready") }

  /// On a thread of its own: it takes as long as the server does.
  private func tell(_ command: String, _ answer: String) async throws {
    try await withCheckedThrowingContinuation { continuation in
      Thread.detachNewThread {
        continuation.resume(
          with: Result {
            try self.input.write(contentsOf: Data((command + "\n").utf8))
            try self.expect(answer)
          })
      }
    }
  }

  private func expect(_ answer: String) throws {
    let line = String(decoding: output.availableData, as: UTF8.self)
    guard line == answer + "\n" else { throw Failure(description: "the server says '\(line)'") }
  }

  private static func freePort() throws -> UInt16 {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
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
    guard isBound else { throw Failure(description: "there is no free port") }
    return UInt16(bigEndian: address.sin_port)
  }
}
