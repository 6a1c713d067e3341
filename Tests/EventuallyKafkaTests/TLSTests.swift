import Eventually
import Foundation
import NIOSSL
import Testing

@testable import EventuallyKafka

/// Brokers behind TLS, with certificates of an authority of one's own.
@Suite(.timeLimit(.minutes(5)), .needsDevelopmentCluster("it has a configuration of its own"))
struct TLSTests {
  /// A cluster of two brokers behind TLS, and a topic on it.
  final class World: Sendable {
    let cluster: DevelopmentCluster
    let front: TLSFront
    let certificates: Certificates
    let topic = uniqueName("eventually-test")
    let outbox = MemoryOutbox(partitions: 4)

    init(address: String = "127.0.0.2", asksForCertificate: Bool = false) async throws {
      certificates = try Certificates()
      try certificates.make("ca")
      try certificates.make("server", issuer: "ca", address: address)
      try certificates.make("client", issuer: "ca", password: "a secret")
      cluster = try DevelopmentCluster(brokers: 2)
      try cluster.createTopic(topic, partitions: 4)
      front = try await TLSFront(
        cluster.brokers,
        try certificates.server("server", authority: asksForCertificate ? "ca" : nil))
    }

    var authority: KafkaSetting { KafkaSetting("ssl.ca.location", certificates.path("ca.pem")) }

    func configuration(_ settings: KafkaSetting...) -> KafkaConfiguration {
      KafkaConfiguration(
        brokers: front.brokers, topic: topic,
        overrides: [KafkaSetting("security.protocol", "SSL")] + settings)
    }

    /// Every client of a process does its work with the same settings.
    func expectThatAllWorks(_ settings: KafkaSetting...) async throws {
      var configuration = configuration()
      configuration.overrides += settings
      try configuration.check()
      outbox.append(200)
      let count = outbox.head.position
      #expect(try await publishAll(configuration, outbox).acknowledged == count)
      // What the cursor does not prove is read from the topic.
      outbox.markPublished(0)
      #expect(try await publishAll(configuration, outbox).alreadyPublished == count)
      let model = MemoryReadModel()
      let consumed = try await consume(
        configuration, outbox, into: model, group: uniqueName("group"), until: Int(count))
      expectComplete(model, outbox)
      #expect(consumed.eventsFromFeed == 0)
      let administration = try KafkaAdministration(configuration, logger: testLogger)
      #expect(try await administration.partitionCount() == 4)
    }

    /// What publisher, subscription and administration say where they can't connect.
    func failures(_ configuration: KafkaConfiguration) async throws -> [String] {
      outbox.append(1)
      let published = try await publisherStatus(publisher(configuration, outbox)) {
        $0.failure != nil
      }
      #expect(published.phase == .waiting, "\(published)")
      let model = MemoryReadModel()
      let consumed = try await consume(
        configuration, outbox, into: model, group: uniqueName("group")
      ) { $0.broker.failure?.contains("ssl://") == true }
      #expect(!consumed.isAssigned)
      let administration = try KafkaAdministration(configuration, logger: testLogger)
      let error = await #expect(throws: KafkaError.self) {
        try await administration.partitionCount(within: .seconds(3))
      }
      return [published.failure, consumed.broker.failure, error?.description].compactMap(\.self)
    }
  }

  @Test func brokersAreVerifiedWithAnAuthorityOfOnesOwn() async throws {
    let world = try await World()
    try await world.expectThatAllWorks(world.authority)
  }

  @Test func theAuthorityMayBeText() async throws {
    let world = try await World()
    try await world.expectThatAllWorks(
      KafkaSetting("ssl.ca.pem", try world.certificates.text("ca.pem")))
  }

  @Test func aClientShowsACertificateFromFiles() async throws {
    let world = try await World(asksForCertificate: true)
    try await world.expectThatAllWorks(
      world.authority,
      KafkaSetting("ssl.certificate.location", world.certificates.path("client.pem")),
      KafkaSetting("ssl.key.location", world.certificates.path("client.key")),
      KafkaSetting("ssl.key.password", "a secret"))
  }

  @Test func aClientShowsACertificateFromText() async throws {
    let world = try await World(asksForCertificate: true)
    try await world.expectThatAllWorks(
      world.authority,
      KafkaSetting("ssl.certificate.pem", try world.certificates.text("client.pem")),
      KafkaSetting("ssl.key.pem", try world.certificates.text("client.key")),
      KafkaSetting("ssl.key.password", "a secret"))
  }

  @Test func anotherAuthorityIsNamedAsTheReason() async throws {
    let world = try await World()
    try world.certificates.make("other")
    let other = KafkaSetting("ssl.ca.location", world.certificates.path("other.pem"))
    for failure in try await world.failures(world.configuration(other)) {
      #expect(failure.contains("certificate verify failed"), "\(failure)")
    }
  }

  @Test func aCertificateForAnotherHostIsNamedAsTheReason() async throws {
    let world = try await World(address: "127.0.0.3")
    for failure in try await world.failures(world.configuration(world.authority)) {
      #expect(failure.contains("certificate verify failed"), "\(failure)")
    }
    try await world.expectThatAllWorks(
      world.authority, KafkaSetting("ssl.endpoint.identification.algorithm", "none"))
  }

  @Test func aClientWithoutItsCertificateIsTold() async throws {
    let world = try await World(asksForCertificate: true)
    for failure in try await world.failures(world.configuration(world.authority)) {
      #expect(failure.contains("certificate"), "\(failure)")
    }
  }

  /// A publisher that is at work waits, says why, and goes on when brokers can be trusted again.
  @Test func aCertificateThatBecomesWrongIsNamedAsTheReason() async throws {
    let world = try await World()
    try world.certificates.make("other")
    let publisher = publisher(world.configuration(world.authority), world.outbox)
    func becomes(_ condition: @escaping @Sendable (PublisherStatus) -> Bool) async throws {
      try await within(.seconds(60), seen: { "\(publisher.status)" }) {
        while !condition(publisher.status) { try await Task.sleep(for: .milliseconds(10)) }
      }
    }
    let running = Task { try await publisher.run() }
    world.outbox.append(10)
    try await becomes { $0.published == 10 }
    await world.front.end()
    let wrong = try await TLSFront(world.cluster.brokers, try world.certificates.server("other"))
    world.outbox.append(10)
    try await becomes {
      $0.failure?.contains("acknowledged nothing") == true
        && $0.failure?.contains("certificate verify failed") == true
    }
    await wrong.end()
    let right = try await TLSFront(world.cluster.brokers, try world.certificates.server("server"))
    try await becomes { $0.published == 20 && $0.failure == nil }
    running.cancel()
    try await running.value
    await right.end()
  }

  @Test(arguments: [
    ("ssl.ca.location", "/nowhere.pem"), ("ssl.certificate.location", "/nowhere.pem"),
    ("ssl.key.location", "/nowhere.pem"), ("ssl.ca.pem", "none"), ("ssl.key.pem", "a secret"),
  ])
  func whatCanNotBeReadIsNamedBeforeAnythingBegins(_ name: String, _ value: String) {
    let configuration = KafkaConfiguration(
      brokers: "127.0.0.1:1", topic: "t",
      overrides: [KafkaSetting("security.protocol", "ssl"), KafkaSetting(name, value)])
    let error = #expect(throws: KafkaError.self) { try configuration.check() }
    let words = "\(error.map { "\($0)" } ?? "no error")"
    #expect(words.contains(name) && !words.contains("a secret"), "\(words)")
  }
}

extension Certificates {
  /// A server's TLS.
  /// - Parameter authority: signs the certificates that it asks clients for; it asks for none where it is `nil`.
  fileprivate func server(_ name: String, authority: String? = nil) throws -> TLSConfiguration {
    var configuration = TLSConfiguration.makeServerConfiguration(
      certificateChain: try NIOSSLCertificate.fromPEMFile(path("\(name).pem")).map {
        .certificate($0)
      },
      privateKey: .privateKey(try NIOSSLPrivateKey(file: path("\(name).key"), format: .pem)))
    if let authority {
      configuration.trustRoots = .file(path("\(authority).pem"))
      configuration.certificateVerification = .noHostnameVerification
    }
    return configuration
  }
}
