import Eventually
import Foundation
import Logging
import NIOSSL

/// TLS of what asks a server by `https://`. The server's name is checked against its certificate.
///
/// Files are read again when they change, and used for the next connection.
public final class ClientTLS: Sendable {
  private let files: FollowedFiles<TLSConfiguration>

  /// Reads certificates and key.
  /// - Parameters:
  ///   - ca: a file of PEM: servers must have a certificate that one of these signed; the system's roots where it is left out.
  ///   - certificate: a file of PEM: what a server that asks for a certificate is shown.
  ///   - key: a file of PEM: the certificate's key, not encrypted.
  /// - Throws: an error that names the file that can't be used.
  public init(ca: String? = nil, certificate: String? = nil, key: String? = nil) throws {
    files = try FollowedFiles(
      "client certificates", in: [ca, certificate, key].compactMap { $0 },
      logger: Logger(label: "tls")
    ) { () throws(Failure) in
      var configuration = TLSConfiguration.makeClientConfiguration()
      configuration.minimumTLSVersion = .tlsv12
      if let ca { configuration.trustRoots = .certificates(try PEMFile.certificates(ca)) }
      if let certificate, let key {
        configuration.certificateChain = try PEMFile.certificates(certificate)
          .map { .certificate($0) }
        configuration.privateKey = .privateKey(try PEMFile.key(key))
        _ = try configuration.checked(certificate: certificate, key: key)
      }
      return configuration
    }
  }

  /// What the next connection begins with.
  func configuration() async -> TLSConfiguration {
    await files.refresh()
    return files.current
  }
}

extension ClientTLS: Hashable {
  /// The same is equal.
  public static func == (a: ClientTLS, b: ClientTLS) -> Bool { a === b }

  /// Hashes which it is.
  public func hash(into hasher: inout Hasher) { hasher.combine(ObjectIdentifier(self)) }
}

/// A connection with TLS that could not be made.
struct TLSFailure: Error, CustomStringConvertible {
  var url: String
  var cause: any Error

  var description: String {
    let text = "\(cause)"
    var advice = ""
    if text.contains("CERTIFICATE_VERIFY_FAILED") {
      advice =
        "the server's certificate is not valid, or is signed by none that is trusted: --tls-ca names whom to trust"
    } else if text.contains("WRONG_VERSION_NUMBER") {
      advice = "what answers there has no TLS: the URL may have to begin with http://"
    } else if text.contains("failedToValidateHostname") {
      advice = "the server's certificate is for other names than the URL's"
    } else if text.contains("CERTIFICATE_REQUIRED") || text.contains("ALERT_BAD_CERTIFICATE") {
      advice = "the server asks for a certificate: --tls-client-certificate and --tls-client-key"
    }
    return "no TLS with \(url): \(advice.isEmpty ? text : advice)"
  }
}
