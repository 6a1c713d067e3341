import FaultScenarios
import Foundation
import Testing

@testable import EventuallyServer

/// The sample's processes with TLS between them.
@Suite(.timeLimit(.minutes(5))) struct TLSPipelineTests {
  private let certificates: Certificates
  private let authority: Certificates.Pair
  private let server: Certificates.Pair
  private let client: Certificates.Pair

  init() throws {
    certificates = try Certificates()
    authority = try certificates.authority("authority")
    server = try certificates.signed("server", by: authority)
    client = try certificates.signed("client", by: authority, .init(commonName: "worker"))
  }

  private var serving: [String] {
    ["--tls-certificate", server.certificate, "--tls-key", server.key]
  }
  private var asking: [String] { ["--tls-ca", authority.certificate] }
  private var knownAs: [String] {
    ["--tls-client-certificate", client.certificate, "--tls-client-key", client.key]
  }

  @Test func theWholePipelineWorksWithTLSAndTokens() async throws {
    let pipeline = try Pipeline()
    try await pipeline.startBroker()
    let (tokens, feedToken) = (pipeline.file("tokens"), pipeline.file("feed-token"))
    let lines = """
      worker read read-0123456789abcdef
      shop write write-0123456789abcdef

      """
    try Data(lines.utf8).write(to: URL(filePath: tokens))
    try Data("read-0123456789abcdef\n".utf8).write(to: URL(filePath: feedToken))
    let shopToken = pipeline.file("shop-token")
    try Data("write-0123456789abcdef\n".utf8).write(to: URL(filePath: shopToken))

    // The writer wants certificates of its clients as well.
    _ = try await pipeline.harness.serveWriter(
      ["--partitions", "4", "--token-file", tokens, "--tls-client-ca", authority.certificate]
        + serving, environment: [:])
    let url = try #require(pipeline.writer?.url)
    #expect(url.hasPrefix("https://127.0.0.1:"), "\(url)")
    var writer = try #require(HTTPEndpoint(url))
    writer.tls = try ClientTLS(
      ca: authority.certificate, certificate: client.certificate, key: client.key)
    let metrics = try await writer.text("/metrics").body
    let expiry = try #require(
      metrics.firstMatch(of: /eventually_certificate_expiry_timestamp_seconds ([0-9.e+]+)/)?.1)
    let left = try #require(Double(expiry)) - Date().timeIntervalSince1970
    #expect((86_400...(3 * 86_400)).contains(left), "\(expiry)")
    #expect(metrics.contains(#"eventually_reload_failed{content="certificates"} 0"#))
    let simulate = ["simulate", "--url", url, "--orders", "50", "--token-file", shopToken]
    let simulated = try await pipeline.harness.start(
      .init("\(buildFolder)/writer"), simulate + asking + knownAs)
    #expect(try await simulated.exitCode() == 0, "\(simulated.log)")

    // A worker presents a certificate and a token to the writer, and asks its own clients for tokens.
    let worker = try await pipeline.harness.serveWorker(
      "sales", feed: url, worker: "sales", environment: [:],
      ["--feed-token-file", feedToken, "--token-file", tokens] + serving + asking + knownAs)
    _ = try await pipeline.verifiedDigests("sales")
    var sales = try pipeline.endpoint(worker)
    sales.tls = try ClientTLS(ca: authority.certificate)
    try await waitUntil("a worker that is ready", seen: { worker.log }) {
      try await sales.text("/readyz").status == 200
    }
    #expect(try await sales.text("/sales").status == 401)
    sales.token = "read-0123456789abcdef"
    #expect(try await sales.text("/sales").status == 200)

    let file = pipeline.file("queries.url")
    let queries = try await pipeline.start(
      "projector",
      [
        "serve", "--read-models", pipeline.readModels, "--listen", "127.0.0.1:0", "--address-file",
        file, "--tls-client-ca", authority.certificate,
      ] + serving)
    try await queries.serves(addressFile: file)
    var answered = try pipeline.endpoint(queries)
    answered.tls = try ClientTLS(
      ca: authority.certificate, certificate: client.certificate, key: client.key)
    #expect(try await answered.text("/sales").status == 200)

    // Administration and health checks know TLS too.
    let health = ["health", answered.base, "--timeout", "2"]
    #expect(try await pipeline.harness.run(health + asking + knownAs).code == 0)
    let stranger = try await pipeline.harness.run(health + asking)
    #expect(
      stranger.code == 1 && stranger.output.contains("asks for a certificate: --tls-client")
        && !stranger.output.contains("OPENSSL_internal"), "\(stranger)")
    let blind = try await pipeline.harness.run(health + knownAs)
    #expect(blind.code == 1 && blind.output.contains("--tls-ca"), "\(blind.output)")
    let replayed = try await pipeline.harness.run(
      ["replay", "sales", "--from", "zero", "--read-models", pipeline.readModels, "--feed", url]
        + ["--token-file", feedToken] + asking + knownAs)
    #expect(replayed.code == 0, "\(replayed.output)")

    for process in [queries, worker, pipeline.writer].compactMap({ $0 }) {
      #expect(!process.log.contains("0123456789abcdef"), "\(process.log)")
      #expect(try await process.stop() == 0, "\(process.log)")
    }
  }

  @Test func whatDoesNotBelongTogetherIsRefusedAtTheStart() async throws {
    let pipeline = try Pipeline()
    for (arguments, words) in [
      (["--tls-certificate", server.certificate], "belong together"),
      (["--tls-client-ca", authority.certificate], "--tls-client-ca needs"),
      (
        ["--tls-certificate", server.certificate, "--tls-key", client.key],
        "the key in \(client.key) is not that of the certificate in \(server.certificate)"
      ),
    ] {
      let run = try await pipeline.harness.start(
        .init("\(buildFolder)/projector"),
        ["serve", "--read-models", pipeline.readModels, "--listen", "127.0.0.1:0"] + arguments)
      #expect(try await run.exitCode() != 0 && run.log.contains(words), "\(run.log)")
    }
  }

  @Test func whoeverListensToTheNetworkIsTold() async throws {
    let pipeline = try Pipeline()
    let token = pipeline.file("token")
    try Data("read-0123456789abcdef\n".utf8).write(to: URL(filePath: token))
    for (arguments, isTold) in [
      ([], "anybody who reaches this address may read"),
      (["--token-file", token], "tokens are sent in the clear"),
      (["--token-file", token] + serving, nil),
    ] as [([String], String?)] {
      let file = pipeline.file("\(UUID()).url")
      let queries = try await pipeline.start(
        "projector",
        [
          "serve", "--read-models", pipeline.readModels, "--listen", "0.0.0.0:0",
          "--address-file", file,
        ] + arguments)
      try await queries.serves(addressFile: file)
      if let isTold {
        #expect(queries.log.contains(isTold), "\(queries.log)")
      } else {
        #expect(
          !queries.log.contains("anybody") && !queries.log.contains("clear"), "\(queries.log)")
      }
      #expect(try await queries.stop() == 0)
    }
  }
}
