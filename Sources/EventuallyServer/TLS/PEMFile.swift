import Foundation
import NIOSSL

/// Files of certificates and keys, in PEM.
enum PEMFile {
  /// The certificates of a file, in order.
  static func certificates(_ path: String) throws(Failure) -> [NIOSSLCertificate] {
    let bytes = try content(path, "certificate")
    var found: [NIOSSLCertificate] = []
    do {
      found = try NIOSSLCertificate.fromPEMBytes(bytes)
    } catch {
      // The library's error says no more than that.
    }
    guard !found.isEmpty else {
      throw Failure("the certificate file \(path) holds no certificate in PEM")
    }
    return found
  }

  /// The key of a file.
  static func key(_ path: String) throws(Failure) -> NIOSSLPrivateKey {
    let bytes = try content(path, "key")
    // PKCS #8 names it in the first line, older forms below that.
    if String(decoding: bytes, as: UTF8.self).contains("ENCRYPTED") {
      throw Failure(
        "the key in \(path) is encrypted: keep it decrypted, in a file that this process alone can read"
      )
    }
    do {
      return try NIOSSLPrivateKey(bytes: bytes, format: .pem)
    } catch {
      throw Failure("the key file \(path) holds no private key in PEM")
    }
  }

  private static func content(_ path: String, _ what: String) throws(Failure) -> [UInt8] {
    do {
      return [UInt8](try Data(contentsOf: URL(filePath: path)))
    } catch {
      throw Failure("the \(what) file \(path) can't be read: \(error.localizedDescription)")
    }
  }
}

extension TLSConfiguration {
  /// - Throws: ``Failure`` where the key is another one's.
  func checked(certificate: String, key: String) throws(Failure) -> NIOSSLContext {
    do {
      return try NIOSSLContext(configuration: self)
    } catch NIOSSLError.failedToLoadPrivateKey {
      throw Failure("the key in \(key) is not that of the certificate in \(certificate)")
    } catch {
      throw Failure(
        "the certificate in \(certificate) with the key in \(key) can't be used: \(error)")
    }
  }
}
