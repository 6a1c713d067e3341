#if canImport(CryptoKit)
  package import CryptoKit

  package typealias HMACSHA256 = HMAC<SHA256>
#else
  /// A secret that codes are made with.
  package struct SymmetricKey: Sendable {
    fileprivate let bytes: [UInt8]

    package init(data: some Sequence<UInt8>) { bytes = Array(data) }
  }

  /// HMAC (RFC 2104) with SHA-256 of bytes that are given piece by piece. A copy goes on by itself.
  package struct HMACSHA256: Sendable {
    package typealias MAC = SHA256.Digest

    private var inner = SHA256()
    private var outer = SHA256()

    package init(key: SymmetricKey) {
      let blockSize = 64
      var block = key.bytes.count > blockSize ? Array(SHA256.hash(data: key.bytes)) : key.bytes
      block += repeatElement(0, count: blockSize - block.count)
      inner.update(data: block.map { $0 ^ 0x36 })
      outer.update(data: block.map { $0 ^ 0x5C })
    }

    package static func authenticationCode(
      for data: some Sequence<UInt8>, using key: SymmetricKey
    ) -> MAC {
      var code = HMACSHA256(key: key)
      code.update(data: data)
      return code.finalize()
    }

    package mutating func update(data: some Sequence<UInt8>) { inner.update(data: data) }

    package func finalize() -> MAC {
      var code = outer
      inner.finalize().withUnsafeBytes { code.update(bufferPointer: $0) }
      return code.finalize()
    }
  }
#endif
