import Foundation

/// A PostgreSQL server of its own, for as long as a measurement takes.
extension Runner {
  /// How a server is set up that is to survive the loss of the machine, and has room for what is measured.
  private static let settings = [
    "fsync=on", "synchronous_commit=on", "shared_buffers=256MB", "max_wal_size=4GB",
    "checkpoint_timeout=15min",
  ]

  /// - Returns: the server's port.
  func withPostgres(_ program: String, _ body: (UInt16) throws -> Void) throws {
    let port = try Self.freePort()
    let server = try ChildProcess(program, ["\(port)"] + Self.settings, hasInput: true)
    guard try server.firstLine() == "ready" else {
      throw BenchError("the PostgreSQL server does not start")
    }
    let result = Result { try body(port) }
    // It ends its server only where it ends by itself.
    try server.endInput()
    try result.get()
  }

  /// A port that nobody has now.
  private static func freePort() throws -> UInt16 {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(descriptor) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = INADDR_LOOPBACK.bigEndian
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let isBound = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, size) == 0 && getsockname(descriptor, $0, &size) == 0
      }
    }
    guard isBound else { throw BenchError("no port is free") }
    return UInt16(bigEndian: address.sin_port)
  }

  /// The address of a database in which there is nothing. What went before is on disk.
  func freshDatabase(_ name: String, _ port: UInt16) throws -> String {
    func url(_ name: String) -> String { "postgres://postgres@127.0.0.1:\(port)/\(name)" }
    for statement in [
      "DROP DATABASE IF EXISTS \(name) WITH (FORCE)", "CREATE DATABASE \(name)", "CHECKPOINT",
    ] {
      _ = try c(["pg-run", url("postgres"), statement])
    }
    return url(name)
  }
}
