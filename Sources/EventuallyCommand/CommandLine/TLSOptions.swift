import ArgumentParser
package import EventuallyServer
package import Logging

/// TLS of a server.
package struct ServerTLSOptions: ParsableArguments {
  package init() {}

  @Option(
    help: ArgumentHelp(
      "A file of PEM to serve HTTPS with: the certificate, and those between it and the root.",
      discussion: "It is read again when it changes, as the key is.", valueName: "file"))
  var tlsCertificate: String?
  @Option(help: ArgumentHelp("A file of PEM: the certificate's key.", valueName: "file"))
  var tlsKey: String?
  @Option(
    help: ArgumentHelp(
      "A file of PEM: clients must have a certificate that one of these signed.", valueName: "file")
  )
  var tlsClientCa: String?

  package func validate() throws {
    guard (tlsCertificate == nil) == (tlsKey == nil) else {
      throw ValidationError("--tls-certificate and --tls-key belong together")
    }
    guard tlsClientCa == nil || tlsCertificate != nil else {
      throw ValidationError("--tls-client-ca needs --tls-certificate and --tls-key")
    }
  }

  /// For a server; `nil` for HTTP.
  package func tls(logger: Logger) throws -> ServerTLS? {
    guard let tlsCertificate, let tlsKey else { return nil }
    return try ServerTLS(
      certificate: tlsCertificate, key: tlsKey, clientCA: tlsClientCa, logger: logger)
  }
}

/// TLS of a process that sends requests.
package struct ClientTLSOptions: ParsableArguments {
  package init() {}

  @Option(
    help: ArgumentHelp(
      "A file of PEM with whom to trust where a URL is https; the system's roots where it is left out.",
      valueName: "file"))
  var tlsCa: String?
  @Option(
    help: ArgumentHelp(
      "A file of PEM: the certificate for servers that ask for one.", valueName: "file"))
  var tlsClientCertificate: String?
  @Option(help: ArgumentHelp("A file of PEM: that certificate's key.", valueName: "file"))
  var tlsClientKey: String?

  package func validate() throws {
    guard (tlsClientCertificate == nil) == (tlsClientKey == nil) else {
      throw ValidationError("--tls-client-certificate and --tls-client-key belong together")
    }
  }

  /// For requests; `nil` where nothing is said.
  package func tls() throws -> ClientTLS? {
    guard tlsCa != nil || tlsClientCertificate != nil else { return nil }
    return try ClientTLS(ca: tlsCa, certificate: tlsClientCertificate, key: tlsClientKey)
  }
}
