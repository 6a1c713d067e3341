import Eventually
import EventuallyTesting
import Foundation
import Testing

@testable import EventuallyPostgres

/// A server that asks for TLS, certificates and passwords. The rules are libpq's: the URL, its variables, and its files.
@Suite(.serialized, .timeLimit(.minutes(5))) struct TLSTests {
  /// The server, the certificates, and the folder that they are in.
  private final class Secured: Sendable {
    let server: TestServer
    let folder: String

    init() async throws {
      let server = try TestServer()
      self.server = server
      let folder = "\(server.server.folder)/../tls"
      self.folder = folder
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
      try await server.run(
        "CREATE ROLE scram LOGIN PASSWORD 'sesame'", "CREATE ROLE certified LOGIN",
        "CREATE ROLE other LOGIN", "GRANT CREATE ON DATABASE postgres TO scram")
      for authority in ["ca", "stranger"] {
        try Self.openssl(
          "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
          "-days", "2", "-subj", "/CN=\(authority)", "-keyout", "\(folder)/\(authority).key",
          "-out", "\(folder)/\(authority).pem")
      }
      for (name, names) in [("localhost", "DNS:localhost"), ("certified", "DNS:none")] {
        let path = "\(folder)/\(name)"
        try Data("subjectAltName=\(names)\n".utf8).write(to: URL(filePath: "\(path).ext"))
        try Self.openssl(
          "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
          "-subj", "/CN=\(name)", "-keyout", "\(path).key", "-out", "\(path).csr")
        try Self.openssl(
          "x509", "-req", "-in", "\(path).csr", "-CA", "\(folder)/ca.pem", "-CAkey",
          "\(folder)/ca.key", "-CAcreateserial", "-days", "2", "-extfile", "\(path).ext", "-out",
          "\(path).pem")
      }
      for (name, copy) in [("localhost", "server"), ("certified", "open")] {
        try FileManager.default.copyItem(
          atPath: "\(folder)/\(name).key", toPath: "\(folder)/\(copy).key")
      }
      for (name, mode) in [("server", 0o600), ("certified", 0o600), ("open", 0o644)] {
        try FileManager.default.setAttributes(
          [.posixPermissions: mode], ofItemAtPath: "\(folder)/\(name).key")
      }
      try server.server.configure(
        "ssl = on", "ssl_cert_file = '\(folder)/localhost.pem'",
        "ssl_key_file = '\(folder)/server.key'", "ssl_ca_file = '\(folder)/ca.pem'")
      try Data(
        """
        local all all trust
        hostssl all scram all scram-sha-256
        hostnossl all scram 127.0.0.1/32 scram-sha-256
        hostssl all certified all cert
        hostssl all other all trust
        host all postgres all trust

        """.utf8
      ).write(to: URL(filePath: "\(server.server.folder)/pg_hba.conf"))
      try await server.stop()
      try await server.start()
      // The server's user owns all now; a client has its key for itself.
      try FileManager.default.setAttributes(
        [.ownerAccountID: getuid()], ofItemAtPath: "\(folder)/certified.key")
    }

    private static func openssl(_ arguments: String...) throws {
      let process = Process()
      process.executableURL = URL(filePath: "/usr/bin/env")
      process.arguments = ["openssl"] + arguments
      let output = Pipe()
      process.standardOutput = output
      process.standardError = output
      try process.run()
      let text = String(
        decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
      process.waitUntilExit()
      guard process.terminationStatus == 0 else { throw ScenarioFailure(text) }
    }

    /// The address of a database, with parameters in which FOLDER stands for that of the certificates.
    func url(_ user: String, _ parameters: String, host: String = "localhost") -> String {
      "postgres://\(user)@\(host):\(server.server.port)/postgres?"
        + parameters.replacing("FOLDER", with: folder)
    }

    /// - Returns: whether the connection is encrypted.
    func connect(_ url: String) async throws -> Bool {
      let connection = try await PostgresConnection(url)
      let rows = try await connection.run(
        [PostgresStatement("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")], "ask")
      await connection.close()
      return try rows[0].bool(0, 0)
    }

    /// What is told where there is no connection, by a connection, by queries, and by a store, whose pool tries it for some seconds.
    func refusals(_ url: String, ofStore: Bool = false) async -> [String] {
      var messages: [String] = []
      do {
        _ = try await connect(url)
        messages.append("connected")
      } catch { messages.append("\(error)") }
      do {
        _ = try QueryConnection(PostgresAddress(url).reading, until: .now + .seconds(10))
        messages.append("connected")
      } catch { messages.append("\(error)") }
      guard ofStore else { return messages }
      do {
        let log = try await PostgresEventLog(url: url)
        await log.close()
        messages.append("opened")
      } catch { messages.append("\(error)") }
      return messages
    }
  }

  @Test func connectionsAreThoseThatAreAskedFor() async throws {
    let secured = try await Secured()
    let full = "sslmode=verify-full&sslrootcert=FOLDER/ca.pem"
    #expect(try await secured.connect(secured.url("other", full)))
    #expect(try await secured.connect(secured.url("scram:sesame", full)))
    #expect(
      try await secured.connect(secured.url("scram:sesame", full + "&channel_binding=require")))
    #expect(
      try await secured.connect(
        secured.url(
          "certified", full + "&sslcert=FOLDER/certified.pem&sslkey=FOLDER/certified.key")))
    #expect(
      try await !secured.connect(secured.url("scram:sesame", "sslmode=disable", host: "127.0.0.1")))
    // The whole library by such a URL.
    let url = secured.url("scram:sesame", full + "&channel_binding=require")
    let store = try await TestStores.open(url)
    _ = try await store.append(["a"], to: "s", expecting: .any)
    await store.close()
    let location = PostgresAddress(url).location
    #expect(location == "postgres://scram@localhost:\(secured.server.server.port)/postgres")
  }

  @Test func refusalsSayWhatToDo() async throws {
    let secured = try await Secured()
    let full = "sslmode=verify-full&sslrootcert=FOLDER/ca.pem"
    let plain = try TestServer.shared.get()
    let cases: [(url: String, words: [String])] = [
      (
        secured.url("other", "sslmode=verify-full&sslrootcert=FOLDER/stranger.pem"),
        ["certificate verify failed", "sslrootcert is to name"]
      ),
      (
        secured.url("other", full, host: "127.0.0.1"),
        ["does not match host name \"127.0.0.1\"", "by the name that the certificate has"]
      ),
      (
        secured.url("other", "sslmode=verify-full&sslrootcert=FOLDER/none.pem"),
        ["none.pem", "does not exist"]
      ),
      (plain.url() + "?sslmode=require", ["does not support SSL", "ssl = on"]),
      (
        secured.url("other", "sslmode=disable", host: "127.0.0.1"),
        ["no pg_hba.conf entry", "\"other\"", "is to have a line"]
      ),
      (
        secured.url(
          "scram:sesame", "sslmode=disable&channel_binding=require", host: "127.0.0.1"),
        ["channel binding required"]
      ),
      (secured.url("certified", full), ["valid client certificate", "sslcert and sslkey"]),
      (
        secured.url("certified", full + "&sslcert=FOLDER/certified.pem&sslkey=FOLDER/open.key"),
        ["open.key", "group or world access"]
      ),
      (
        secured.url("certified", full + "&sslcert=FOLDER/certified.pem&sslkey=FOLDER/none.key"),
        ["none.key"]
      ),
    ]
    // What the server says of its own accord is not tried again, as others are for ten seconds.
    let own: [(url: String, words: [String])] = [
      (secured.url("scram:wrong-sesame", full), ["password authentication failed", "PGPASSFILE"]),
      (
        secured.url("scram", full + "&passfile=FOLDER/none"),
        ["no password supplied", "PGPASSFILE"]
      ),
      (plain.server.url("none"), ["database \"none\" does not exist", "create it"]),
      (
        "postgres://nobody@127.0.0.1:\(plain.server.port)/postgres",
        ["role \"nobody\" does not exist", "create it"]
      ),
    ]
    for (url, words) in own {
      let begun = ContinuousClock.now
      let refusals = await secured.refusals(url, ofStore: true)
      let time = ContinuousClock.now - begun
      #expect(time < .seconds(9), "\(url): \(time)")
      for message in refusals {
        for word in words { #expect(message.contains(word), "\(url): \(message)") }
        #expect(!message.contains("sesame"), "\(url): \(message)")
        #expect(!message.contains("LOCATION") && !message.contains("28P01"), "\(message)")
      }
    }
    await withTaskGroup(of: (String, [String], [String]).self) { group in
      for (url, words) in cases {
        group.addTask { (url, words, await secured.refusals(url, ofStore: true)) }
      }
      for await (url, words, messages) in group {
        #expect(messages.count == 3)
        for message in messages {
          for word in words { #expect(message.contains(word), "\(url): \(message)") }
          #expect(!message.contains("sesame"), "\(url): \(message)")
        }
      }
    }
  }

  /// A process goes on with what it has, says why it gets nothing new, and goes on when it does.
  @Test func aPasswordThatIsChangedIsTold() async throws {
    let secured = try await Secured()
    let store = try await TestStores.openRecords(
      secured.url("scram:sesame", "sslmode=disable", host: "127.0.0.1"))
    _ = try await store.append(["a"], to: "s")
    try await secured.server.run(
      "ALTER ROLE scram PASSWORD 'other'",
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'scram'")
    try await until("it says why") {
      await store.writeFailure()?.contains("password authentication failed") == true
    }
    try await secured.server.run("ALTER ROLE scram PASSWORD 'sesame'")
    try await until("it can write again") { await store.writeFailure() == nil }
    _ = try await store.append(["b"], to: "s")
    await store.close()
  }

  /// What the URL leaves out comes from libpq's files.
  @Test func passwordFilesAndServicesAreUsed() async throws {
    let secured = try await Secured()
    let full = "sslmode=verify-full&sslrootcert=FOLDER/ca.pem"
    let passwords = "\(secured.folder)/pgpass"
    try Data("localhost:*:postgres:scram:sesame\n".utf8).write(to: URL(filePath: passwords))
    let url = secured.url("scram", full + "&passfile=FOLDER/pgpass")
    // One that others can read is not used.
    try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: passwords)
    for message in await secured.refusals(url) {
      #expect(message.contains("no password supplied"), "\(message)")
    }
    try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: passwords)
    #expect(try await secured.connect(url))
    // Nobody else here uses services.
    let services = "\(secured.folder)/services"
    try Data(
      """
      [shop]
      host=localhost
      port=\(secured.server.server.port)
      user=scram
      password=sesame
      dbname=postgres
      sslmode=verify-full
      sslrootcert=\(secured.folder)/ca.pem

      """.utf8
    ).write(to: URL(filePath: services))
    setenv("PGSERVICEFILE", services, 1)
    defer { unsetenv("PGSERVICEFILE") }
    #expect(try await secured.connect("postgres://?service=shop"))
    #expect(PostgresAddress("postgres://?service=shop").location == "service=shop")
    for message in await secured.refusals("postgres://?service=none") {
      #expect(message.contains("\"none\" not found"), "\(message)")
    }
    for message in await secured.refusals("postgres://scram:sesame@localhost/?service=none") {
      #expect(!message.contains("sesame"), "\(message)")
    }
  }
}
