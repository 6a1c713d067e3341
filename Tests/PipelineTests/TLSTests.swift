import AsyncHTTPClient
import Eventually
import FaultScenarios
import Foundation
import HTTPTypes
import Logging
import NIOCore
import Testing

@testable import EventuallyServer

/// Servers with TLS, and what comes to them.
@Suite(.timeLimit(.minutes(5))) struct TLSTests {
  private let certificates: Certificates
  private let authority: Certificates.Pair
  private let server: Certificates.Pair

  init() throws {
    certificates = try Certificates()
    authority = try certificates.authority("authority")
    server = try certificates.signed("server", by: authority)
  }

  private static let api: API = {
    var api = API(title: "test", summary: "test")
    api.limits.handshake = .seconds(1)
    api.add(
      API.Operation(.get, "/hello", "", answers: []) { _ in JSONResponse { $0.string("hello") } })
    api.add(
      API.Operation(.post, "/body", "", body: .any, answers: []) { request in
        let count = request.body.count
        return JSONResponse { $0.integer(count) }
      })
    return api
  }()

  private func tls(_ pair: Certificates.Pair? = nil, clientCA: String? = nil) throws -> ServerTLS {
    let pair = pair ?? server
    return try ServerTLS(
      certificate: pair.certificate, key: pair.key, clientCA: clientCA,
      logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
  }

  private func trusting(
    _ endpoint: HTTPEndpoint, _ ca: String? = nil, _ client: Certificates.Pair? = nil
  )
    throws -> HTTPEndpoint
  {
    var endpoint = endpoint
    endpoint.tls = try ClientTLS(
      ca: ca ?? authority.certificate, certificate: client?.certificate, key: client?.key)
    return endpoint
  }

  private func error(_ body: () async throws -> Void) async -> String {
    do {
      try await body()
      return ""
    } catch {
      return "\(error)"
    }
  }

  @Test func requestsAreAnsweredOverTLS() async throws {
    try await serving(Self.api, tls: try tls()) { endpoint in
      #expect(endpoint.base.hasPrefix("https://127.0.0.1:"), "\(endpoint.base)")
      let trusting = try trusting(endpoint)
      #expect(try await trusting.text("/hello").body.contains("hello"))
      // Larger than what is sent at once, in both directions.
      let body = [UInt8](repeating: 0x20, count: 3 << 20)
      #expect(try await trusting.send("POST", "/body", body: body).status == 200)
      let curl = try Certificates.run(
        "curl", ["-sS", "--cacert", authority.certificate, "\(endpoint.base)/hello"])
      #expect(curl.code == 0 && curl.output.contains("hello"), "\(curl)")
      // Several on one connection, and one that ends with it.
      let url = "\(endpoint.base)/hello"
      let twice = try Certificates.run(
        "curl", ["-sS", "-H", "Connection: close", "--cacert", authority.certificate, url, url])
      #expect(twice.code == 0 && twice.output == "\"hello\"\n\"hello\"\n", "\(twice)")
    }
  }

  @Test func whoeverIsNotTrustedIsToldAndWhy() async throws {
    let other = try certificates.authority("other")
    let expired = try certificates.signed(
      "expired", by: authority,
      .init(validity: ["-days", "-1"]))
    let misnamed = try certificates.signed(
      "misnamed", by: authority, .init(commonName: "elsewhere", names: "DNS:elsewhere.example"))
    try await serving(Self.api, tls: try tls()) { endpoint in
      let wrong = try trusting(endpoint, other.certificate)
      let found = await error { _ = try await wrong.send("GET", "/hello", timeout: .seconds(3)) }
      #expect(found.contains("--tls-ca"), "\(found)")
    }
    try await serving(Self.api, tls: try tls(expired)) { endpoint in
      let trusting = try trusting(endpoint)
      let found = await error { _ = try await trusting.send("GET", "/hello", timeout: .seconds(3)) }
      #expect(found.contains("not valid"), "\(found)")
    }
    try await serving(Self.api, tls: try tls(misnamed)) { endpoint in
      let trusting = try trusting(endpoint)
      let found = await error { _ = try await trusting.send("GET", "/hello", timeout: .seconds(3)) }
      #expect(found.contains("other names"), "\(found)")
    }
  }

  @Test func clientsThatHaveToHaveACertificateHaveOne() async throws {
    let client = try certificates.signed("client", by: authority, .init(commonName: "worker"))
    let stranger = try certificates.signed("stranger", by: try certificates.authority("other"))
    try await serving(Self.api, tls: try tls(clientCA: authority.certificate)) { endpoint in
      let known = try trusting(endpoint, nil, client)
      #expect(try await known.text("/hello").status == 200)
      for pair in [nil, stranger] {
        let unknown = try trusting(endpoint, nil, pair)
        let found = await error {
          _ = try await unknown.send("GET", "/hello", timeout: .seconds(3))
        }
        #expect(!found.isEmpty)
      }
      #expect(try await known.text("/hello").status == 200)
    }
  }

  @Test func oldVersionsAreRefused() async throws {
    try await serving(Self.api, tls: try tls()) { endpoint in
      let address = String(endpoint.base.dropFirst("https://".count))
      func connect(_ version: String) throws -> String {
        // The client would not ask for old versions by itself.
        try Certificates.openssl([
          "s_client", "-connect", address, version, "-cipher", "ALL:@SECLEVEL=0", "-CAfile",
          authority.certificate,
        ]).output
      }
      #expect(try connect("-tls1_2").contains("Verify return code: 0"))
      #expect(try connect("-tls1_3").contains("TLSv1.3"))
      for old in ["-tls1_1", "-tls1"] {
        let said = try connect(old)
        #expect(
          said.contains("alert protocol version") || said.contains("unsupported protocol"),
          "\(said)")
        #expect(said.contains("Cipher is (NONE)"), "\(said)")
      }
    }
  }

  /// Clients that don't get through their handshake, and what is no TLS: they are closed, count as connections, and are no errors.
  @Test func whoeverMakesNoHandshakeIsClosed() async throws {
    var api = Self.api
    api.limits.connections = 16
    let log = Lines()
    let logger = Logger(label: "test") { _ in ErrorLog(lines: log) }
    try await serving(api, tls: try tls(), logger: logger) { endpoint in
      let trusting = try trusting(endpoint)
      for text in [
        "", "\u{16}\u{3}\u{1}", "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n",
        "\u{16}\u{3}\u{3}\u{1}\u{0}",
      ] {
        let connection = try RawConnection(endpoint.base)
        connection.send(text)
        try await waitUntil("the end of '\(text)'", within: .seconds(20)) {
          connection.receive()
          return connection.isAtEnd
        }
        #expect(!connection.text.contains("hello"))
      }
      // More of them than there may be: others come through all the same.
      var silent: [RawConnection] = []
      for _ in 0..<40 { silent.append(try RawConnection(endpoint.base)) }
      #expect(try await trusting.text("/hello").status == 200)
      try await waitUntil("the end of all", within: .seconds(30)) {
        for connection in silent { connection.receive() }
        return silent.allSatisfy(\.isAtEnd)
      }
      #expect(try await trusting.text("/hello").status == 200)
      #expect(log.all == [])
    }
  }

  @Test func aClientThatEndsAfterItsHandshakeIsForgotten() async throws {
    try await serving(Self.api, tls: try tls()) { endpoint in
      let address = String(endpoint.base.dropFirst("https://".count))
      for input in [
        "", "GET /hello HTTP/1.1\r\nHost: a\r\n", "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n",
      ] {
        let said = try Certificates.openssl(
          [
            "s_client", "-quiet", "-no_ign_eof", "-connect", address, "-CAfile",
            authority.certificate,
          ],
          input: input)
        #expect(!said.output.contains("hello") || input.hasSuffix("\r\n\r\n"), "\(said)")
      }
      #expect(try await trusting(endpoint).text("/hello").status == 200)
    }
  }

  @Test func aRenewedCertificateIsShownAndAFaultyOneIsNot() async throws {
    let next = try certificates.signed("next", by: authority, .init(commonName: "renewed"))
    let live = Certificates.Pair(
      certificate: certificates.file("live.pem"), key: certificates.file("live.key"))
    @Sendable func put(_ pair: Certificates.Pair, key: String? = nil) throws {
      for (from, to) in [(pair.certificate, live.certificate), (key ?? pair.key, live.key)] {
        try Data(contentsOf: URL(filePath: from)).write(to: URL(filePath: to), options: .atomic)
      }
    }
    try put(server)
    let log = Lines()
    let tls = try ServerTLS(
      certificate: live.certificate, key: live.key,
      logger: Logger(label: "test") { _ in ErrorLog(lines: log) })
    try await serving(Self.api, tls: tls) { endpoint in
      let address = String(endpoint.base.dropFirst("https://".count))
      func shown() throws -> String {
        try Certificates.openssl(["s_client", "-connect", address]).output
      }
      let kept = try trusting(endpoint)
      #expect(try await kept.text("/hello").status == 200)
      #expect(try shown().contains("CN = localhost"))
      try put(next, key: server.key)
      try await waitUntil("an error") { !log.all.isEmpty }
      #expect(log.all.count == 1 && log.all[0].contains("is not that of"))
      #expect(try shown().contains("CN = localhost"))
      try put(next)
      try await waitUntil("the renewed certificate") { try shown().contains("CN = renewed") }
      // A connection from before goes on.
      #expect(try await kept.text("/hello").status == 200)
      #expect(log.all.count == 1, "\(log.all)")
    }
  }

  @Test func filesThatCannotBeUsedAreNamed() throws {
    let encrypted = certificates.file("encrypted.key")
    try Certificates.openssl([
      "pkcs8", "-topk8", "-in", server.key, "-passout", "pass:secret", "-out", encrypted,
    ])
    let old = certificates.file("old.key")
    try Certificates.openssl([
      "ec", "-in", server.key, "-aes128", "-passout", "pass:secret", "-out", old,
    ])
    let text = certificates.file("text")
    try Data("no certificate\n".utf8).write(to: URL(filePath: text))
    for (certificate, key, ca, file, words) in [
      ("/nowhere.pem", server.key, nil, "/nowhere.pem", "can't be read"),
      (server.certificate, "/nowhere.key", nil, "/nowhere.key", "can't be read"),
      (text, server.key, nil, text, "holds no certificate in PEM"),
      (server.key, server.key, nil, server.key, "holds no certificate in PEM"),
      (server.certificate, text, nil, text, "holds no private key in PEM"),
      (server.certificate, server.certificate, nil, server.certificate, "holds no private key"),
      (server.certificate, encrypted, nil, encrypted, "is encrypted"),
      (server.certificate, old, nil, old, "is encrypted"),
      (server.certificate, authority.key, nil, authority.key, "is not that of the certificate"),
      (server.certificate, server.key, text, text, "holds no certificate in PEM"),
    ] as [(String, String, String?, String, String)] {
      do {
        _ = try tls(.init(certificate: certificate, key: key), clientCA: ca)
        Issue.record("\(certificate) with \(key) is taken")
      } catch {
        #expect("\(error)".contains(words) && "\(error)".contains(file), "\(error)")
      }
    }
    #expect(throws: Failure.self) { try ClientTLS(ca: text) }
    #expect(throws: Failure.self) {
      try ClientTLS(certificate: server.certificate, key: authority.key)
    }
  }
}

private final class Lines: Sendable {
  private let lines = Locked<[String]>([])

  var all: [String] { lines.withLock { $0 } }

  func add(_ line: String) { lines.withLock { $0.append(line) } }
}

/// Keeps what is a warning or more.
private struct ErrorLog: LogHandler {
  let lines: Lines
  var metadata: Logger.Metadata = [:]
  var logLevel = Logger.Level.warning

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  func log(event: LogEvent) {
    lines.add("\(event.message) \(event.metadata ?? [:])")
  }
}
