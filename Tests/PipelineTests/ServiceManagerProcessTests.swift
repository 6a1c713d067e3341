import Eventually
import EventuallyServer
import EventuallyTesting
import FaultScenarios
import Foundation
import Testing

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// A process that a service manager starts tells when it is ready, that it is alive, and that it stops.
@Suite(.serialized, .timeLimit(.minutes(5))) struct ServiceManagerProcessTests {
  private let pipeline: Pipeline

  init() throws {
    pipeline = try Pipeline()
  }

  /// The service manager's end.
  private final class Manager: Sendable {
    private let descriptor: Int32
    private let received = Locked<[String]>([])

    /// - Parameter name: a path, or an abstract name after `@`.
    init(_ name: String) throws {
      let kind = Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
      descriptor = socket(AF_UNIX, kind, 0)
      var address = sockaddr_un()
      address.sun_family = sa_family_t(AF_UNIX)
      let path = [UInt8](name.utf8).enumerated().map { $0 == 0 && $1 == UInt8(ascii: "@") ? 0 : $1 }
      try #require(path.count < MemoryLayout.size(ofValue: address.sun_path), "\(name)")
      withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path) }
      let length = MemoryLayout<sa_family_t>.size + path.count
      let code = withUnsafePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          bind(descriptor, $0, socklen_t(length))
        }
      }
      try #require(code == 0, "\(name): \(String(cString: strerror(errno)))")
    }

    deinit { close(descriptor) }

    /// All lines of all messages so far.
    var lines: [String] {
      received.withLock { received in
        var buffer = [UInt8](repeating: 0, count: 8192)
        while true {
          let count = recv(descriptor, &buffer, buffer.count, 0)
          guard count > 0 else { return received }
          received += String(decoding: buffer[..<count], as: UTF8.self).split(separator: "\n")
            .map(String.init)
        }
      }
    }
  }

  @Test(arguments: ["path", "abstract"]) func aWriterTellsItsServiceManager(kind: String)
    async throws
  {
    let name =
      kind == "path"
      ? pipeline.file("notify") : "@eventually-\(ProcessInfo.processInfo.processIdentifier)"
    let manager = try Manager(name)
    let address = pipeline.file("address")
    let writer = try await pipeline.start(
      "writer",
      [
        "serve", "--store", pipeline.store, "--brokers", "127.0.0.1:1", "--listen", "127.0.0.1:0",
        "--address-file", address,
      ], environment: ["NOTIFY_SOCKET": name, "WATCHDOG_USEC": "400000"])
    func wait(for what: String, _ condition: ([String]) -> Bool) async throws {
      try await waitUntil(what, within: .seconds(30), seen: { "\(manager.lines) \(writer.log)" }) {
        condition(manager.lines)
      }
    }
    try await wait(for: "READY=1") { $0.contains("READY=1") }
    // By then it serves.
    let url = try await pipeline.content(of: address, by: writer)
    let told =
      "serving \(url.trimmingCharacters(in: .whitespacesAndNewlines)), ready, head 0, published 0"
    #expect(manager.lines.contains("STATUS=\(told)"), "\(manager.lines)")
    try await wait(for: "three signs of life") { $0.count { $0 == "WATCHDOG=1" } >= 3 }
    writer.send(SIGTERM)
    #expect(try await writer.exitCode(within: .seconds(20)) == 0, "\(writer.log)")
    #expect(manager.lines.suffix(2) == ["STOPPING=1", "STATUS=stopping"], "\(manager.lines)")
    #expect(manager.lines.count { $0 == "READY=1" } == 1)
  }

  /// Its process is started again, then.
  @Test func aWriterWhoseStoreHangsGivesNoSignOfLife() async throws {
    let manager = try Manager(pipeline.file("notify"))
    let address = pipeline.file("address")
    let writer = try await pipeline.start(
      "writer",
      [
        "serve", "--store", pipeline.store, "--brokers", "127.0.0.1:1", "--listen", "127.0.0.1:0",
        "--address-file", address, "--stall-limit", "1",
      ],
      environment: [
        "NOTIFY_SOCKET": pipeline.file("notify"), "WATCHDOG_USEC": "200000",
        FaultPlan.variable: "store.committed=hang",
      ])
    try await waitUntil("READY=1", within: .seconds(30), seen: { writer.log }) {
      manager.lines.contains("READY=1")
    }
    let url = try await pipeline.content(of: address, by: writer)
    let command = Task {
      try await #require(HTTPEndpoint(url.trimmingCharacters(in: .whitespacesAndNewlines))).send(
        "POST", "/orders/a/create", body: [UInt8](#"{"country":"France"}"#.utf8))
    }
    defer { command.cancel() }
    try await waitUntil("the silence", within: .seconds(30), seen: { writer.log }) {
      writer.log.contains("is given no sign of life")
    }
    let told = manager.lines.count { $0 == "WATCHDOG=1" }
    // As long as ten of them would take.
    try await Task.sleep(for: .seconds(1))
    #expect(manager.lines.count { $0 == "WATCHDOG=1" } == told, "\(writer.log)")
    writer.kill()
  }

  /// A setting that is wrong is told by a code of its own: to start the process again does not help.
  @Test func aWrongSettingHasAnExitCodeOfItsOwn() async throws {
    let file = pipeline.file("settings.json")
    try Data(#"{"writer": {"listn": "127.0.0.1:0"}}"#.utf8).write(to: URL(filePath: file))
    for (arguments, told) in [
      (["--config", file], "'writer.listen'"), (["--config", "/nowhere.json"], "can't be read"),
    ] {
      let process = try await pipeline.start("writer", ["serve"] + arguments)
      #expect(try await process.exitCode() == 78, "\(process.log)")
      #expect(process.log.contains(told), "\(process.log)")
    }
  }

  @Test func aVersionIsTold() async throws {
    for name in ["ordersctl", "writer", "projector"] {
      let (code, output) = try await pipeline.run(name, "--version")
      #expect(code == 0 && output == "\(LibraryVersion.current)\n", "\(name): \(output)")
    }
  }
}
