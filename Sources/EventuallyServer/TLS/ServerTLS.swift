import CoreMetrics
import Eventually
import Foundation
public import Logging
import NIOCore
import NIOSSL

/// TLS of a server: 1.2 and newer.
///
/// The files are read again when they change, within two seconds; connections that are there keep what they began with. While new files
/// can't be used, the ones from before are in force.
public final class ServerTLS: Sendable {
  private let files: FollowedFiles<NIOSSLContext>

  /// Reads certificate and key.
  /// - Parameters:
  ///   - certificate: a file of PEM: the server's certificate, and those between it and the root that clients trust.
  ///   - key: a file of PEM: the certificate's key, not encrypted.
  ///   - clientCA: a file of PEM: clients must have a certificate that one of these signed. Without it they need none.
  ///   - logger: takes what happens when files change.
  /// - Throws: an error that names the file that can't be used.
  public init(
    certificate: String, key: String, clientCA: String? = nil, logger: Logger
  ) throws {
    let expiry = Gauge(label: MetricName.certificateExpiry)
    files = try FollowedFiles(
      "certificates", in: [certificate, key] + [clientCA].compactMap { $0 }, logger: logger
    ) { () throws(Failure) in
      let chain = try PEMFile.certificates(certificate)
      var configuration = TLSConfiguration.makeServerConfiguration(
        certificateChain: chain.map { .certificate($0) },
        privateKey: .privateKey(try PEMFile.key(key)))
      configuration.minimumTLSVersion = .tlsv12
      configuration.applicationProtocols = ["http/1.1"]
      // How long a client may take to say goodbye.
      configuration.shutdownTimeout = .seconds(1)
      if let clientCA {
        configuration.trustRoots = .certificates(try PEMFile.certificates(clientCA))
        configuration.certificateVerification = .noHostnameVerification
        configuration.sendCANameList = true
      }
      let context = try configuration.checked(certificate: certificate, key: key)
      Self.checkTime(of: chain[0], certificate, logger)
      expiry.record(Int64(chain[0].notValidAfter))
      return context
    }
  }

  /// Whoever puts a certificate into place early may be right, and clients refuse an old one: it is told.
  private static func checkTime(
    of certificate: NIOSSLCertificate, _ path: String, _ logger: Logger
  ) {
    let (begin, end) = (certificate.notValidBefore, certificate.notValidAfter)
    guard !(begin...max(begin, end)).contains(time(nil)) else { return }
    logger.error(
      "the certificate is not valid now: clients refuse it",
      metadata: [
        "file": "\(path)", "from": "\(Date(timeIntervalSince1970: TimeInterval(begin)))",
        "until": "\(Date(timeIntervalSince1970: TimeInterval(end)))",
      ])
  }

  /// Has a new connection begin with a handshake, by the certificate that is in force.
  /// - Parameters:
  ///   - limit: how long the client may take for it.
  ///   - logger: takes why it fails.
  func begin(on channel: any Channel, within limit: TimeAmount, logger: Logger) throws {
    try channel.pipeline.syncOperations.addHandlers([
      NIOSSLServerHandler(context: files.current), HandshakeLimit(limit, logger: logger),
    ])
  }

  /// Looks at the files each second, until it is cancelled.
  func follow() async { await files.follow() }
}
