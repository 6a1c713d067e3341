// The interface is CryptoKit's, which is what there is on Apple's platforms. Elsewhere it is OpenSSL's libcrypto, which
// librdkafka is linked with already: swift-crypto would compile a whole library of cryptography for this.
#if canImport(CryptoKit)
  @_exported import CryptoKit
#else
  import CLibcrypto

  /// SHA-256 of bytes that are given piece by piece. A copy goes on by itself.
  package struct SHA256: Sendable {
    package static let byteCount = 32

    private var state = SHA256State()

    package init() {}

    package static func hash(data: some Sequence<UInt8>) -> Digest {
      var hash = SHA256()
      hash.update(data: data)
      return hash.finalize()
    }

    package mutating func update(data: some Sequence<UInt8>) {
      let isDone: Void? = data.withContiguousStorageIfAvailable {
        update(bufferPointer: UnsafeRawBufferPointer($0))
      }
      if isDone == nil { Array(data).withUnsafeBytes { update(bufferPointer: $0) } }
    }

    package mutating func update(bufferPointer: UnsafeRawBufferPointer) {
      if !isKnownUniquelyReferenced(&state) { state = SHA256State(copying: state) }
      state.update(bufferPointer)
    }

    /// The digest of all bytes until now; more may follow.
    package func finalize() -> Digest { Digest(SHA256State(copying: state).finish()) }

    /// 32 bytes. How long a comparison takes does not tell where two of them differ.
    package struct Digest: Hashable, Sendable, Sequence {
      private let words: (UInt64, UInt64, UInt64, UInt64)

      fileprivate init(_ words: (UInt64, UInt64, UInt64, UInt64)) { self.words = words }

      package func withUnsafeBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
        try Swift.withUnsafeBytes(of: words, body)
      }

      package func makeIterator() -> Array<UInt8>.Iterator {
        withUnsafeBytes { Array($0) }.makeIterator()
      }

      package static func == (left: Self, right: Self) -> Bool {
        let (a, b) = (left.words, right.words)
        return (a.0 ^ b.0) | (a.1 ^ b.1) | (a.2 ^ b.2) | (a.3 ^ b.3) == 0
      }

      package func hash(into hasher: inout Hasher) {
        withUnsafeBytes { hasher.combine(bytes: $0) }
      }
    }
  }

  /// OpenSSL's context, which it owns.
  ///
  /// Sendable: ``SHA256`` changes it only where it holds the one reference to it, and a copy reads it only.
  private final class SHA256State: @unchecked Sendable {
    private let context: OpaquePointer

    init() {
      context = Self.newContext()
      check(EVP_DigestInit_ex2(context, Algorithm.sha256.digest, nil))
    }

    init(copying other: SHA256State) {
      context = Self.newContext()
      check(EVP_MD_CTX_copy_ex(context, other.context))
    }

    deinit { EVP_MD_CTX_free(context) }

    private static func newContext() -> OpaquePointer {
      guard let context = EVP_MD_CTX_new() else { fatalError("there is no memory for a digest") }
      return context
    }

    func update(_ bytes: UnsafeRawBufferPointer) {
      check(EVP_DigestUpdate(context, bytes.baseAddress, bytes.count))
    }

    func finish() -> (UInt64, UInt64, UInt64, UInt64) {
      var words: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)
      withUnsafeMutableBytes(of: &words) {
        check(EVP_DigestFinal_ex(context, $0.baseAddress?.assumingMemoryBound(to: UInt8.self), nil))
      }
      return words
    }

    /// None of these calls depends on what the bytes are: they fail only where memory has run out.
    private func check(_ isDone: Int32) {
      precondition(isDone == 1, "OpenSSL has no memory for a digest")
    }
  }

  /// The algorithm, looked up once, since a look-up costs more than a short digest.
  ///
  /// Sendable: it is never changed and never freed.
  private struct Algorithm: @unchecked Sendable {
    let digest: OpaquePointer

    static let sha256: Algorithm = {
      // A library context of its own: a configuration file that the environment names may leave the algorithm out.
      guard let digest = EVP_MD_fetch(OSSL_LIB_CTX_new(), "SHA256", nil) else {
        fatalError("OpenSSL has no SHA-256")
      }
      return Algorithm(digest: digest)
    }()
  }
#endif
