import Foundation

/// Certificates and keys in a folder of their own, made by `openssl`.
final class Certificates: Sendable {
  private let folder = FileManager.default.temporaryDirectory.appending(
    path: "certificates-\(UUID().uuidString)")

  struct Failure: Error, CustomStringConvertible {
    var description: String
  }

  init() throws {
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    try Data("[req]\ndistinguished_name=name\n[name]\n".utf8).write(
      to: folder.appending(path: "configuration"))
  }

  deinit { try? FileManager.default.removeItem(at: folder) }

  func path(_ name: String) -> String { folder.appending(path: name).path() }

  func text(_ name: String) throws -> String {
    try String(contentsOfFile: path(name), encoding: .utf8)
  }

  /// Makes `<name>.pem` and `<name>.key`.
  /// - Parameters:
  ///   - issuer: signs it; nobody else where it is `nil`.
  ///   - address: of the host that it is for.
  ///   - password: encrypts the key.
  func make(
    _ name: String, issuer: String? = nil, address: String? = nil, password: String? = nil
  ) throws {
    var arguments = [
      "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-days", "2",
      "-config", path("configuration"), "-subj", "/CN=\(name)", "-keyout", path("\(name).key"),
      "-out", path("\(name).pem"),
    ]
    arguments += password.map { ["-passout", "pass:\($0)"] } ?? ["-noenc"]
    if let issuer {
      arguments += ["-CA", path("\(issuer).pem"), "-CAkey", path("\(issuer).key")]
      arguments += ["-addext", "basicConstraints=CA:FALSE"]
    } else {
      arguments += ["-addext", "basicConstraints=critical,CA:TRUE"]
    }
    if let address { arguments += ["-addext", "subjectAltName=IP:\(address)"] }
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = ["openssl"] + arguments
    let errors = Pipe()
    process.standardError = errors
    try process.run()
    let words = try errors.fileHandleForReading.readToEnd() ?? Data()
    process.waitUntilExit()
    guard process.terminationStatus == 0 else {
      throw Failure(description: "openssl: \(String(decoding: words, as: UTF8.self))")
    }
  }
}
