import FaultScenarios
import Foundation

/// Certificates and keys, made by the command `openssl` in a folder that ends with them.
final class Certificates: Sendable {
  /// A certificate with its key, as files of PEM.
  struct Pair: Sendable {
    var certificate: String
    var key: String
  }

  /// What is in the certificate.
  struct Content {
    var commonName = "localhost"
    var names = "DNS:localhost,IP:127.0.0.1"
    /// OpenSSL's options for the time in which it is valid.
    var validity = ["-days", "2"]
  }

  let folder: String

  init() throws {
    folder =
      FileManager.default.temporaryDirectory.appending(path: "certificates-\(UUID())").path()
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
  }

  deinit {
    // What can't be removed lies in the system's temporary directory.
    try? FileManager.default.removeItem(atPath: folder)
  }

  func file(_ name: String) -> String { "\(folder)/\(name)" }

  /// A certificate authority.
  func authority(_ name: String) throws -> Pair {
    let pair = Pair(certificate: file("\(name).pem"), key: file("\(name).key"))
    try Self.openssl([
      "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
      "-days", "2", "-subj", "/CN=\(name)", "-keyout", pair.key, "-out", pair.certificate,
    ])
    return pair
  }

  /// A certificate that an authority signed.
  func signed(
    _ name: String, by authority: Pair, _ content: Content = Content()
  ) throws -> Pair {
    let pair = Pair(certificate: file("\(name).pem"), key: file("\(name).key"))
    let (request, extensions) = (file("\(name).csr"), file("\(name).ext"))
    try Data("subjectAltName=\(content.names)\nbasicConstraints=CA:FALSE\n".utf8)
      .write(to: URL(filePath: extensions))
    try Self.openssl([
      "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
      "-subj", "/CN=\(content.commonName)", "-keyout", pair.key, "-out", request,
    ])
    try Self.openssl(
      [
        "x509", "-req", "-in", request, "-CA", authority.certificate, "-CAkey", authority.key,
        "-CAcreateserial", "-extfile", extensions, "-out", pair.certificate,
      ] + content.validity)
    return pair
  }

  /// Runs `openssl` to its end.
  @discardableResult
  static func openssl(_ arguments: [String], input: String? = nil) throws -> (
    code: Int32, output: String
  ) {
    let found = try run("openssl", arguments, input: input)
    guard found.code == 0 || arguments.first == "s_client" else {
      throw NotAsExpected("openssl \(arguments.joined(separator: " ")): \(found.output)")
    }
    return found
  }

  /// Runs a program to its end.
  static func run(
    _ program: String, _ arguments: [String], input: String? = nil
  ) throws -> (code: Int32, output: String) {
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = [program] + arguments
    let (output, stdin) = (Pipe(), Pipe())
    process.standardOutput = output
    process.standardError = output
    process.standardInput = stdin
    try process.run()
    if let input { try stdin.fileHandleForWriting.write(contentsOf: Data(input.utf8)) }
    try stdin.fileHandleForWriting.close()
    let data = output.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return (process.terminationStatus, String(decoding: data, as: UTF8.self))
  }
}
