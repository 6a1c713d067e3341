import Digests

/// An idempotency key as a store keeps it: digests, since what a client calls its requests, and what they are, may be
/// personal. They tell nothing to whoever does not know the key, also where SQLite leaves copies of rows that it has moved.
package final class StoredKey: Sendable {
  package let key: IdempotencyKey
  /// The beginning of a digest of the stream and the key.
  package let digest: [UInt8]
  /// The beginning of a digest of the whole of that digest and the request's fingerprint.
  package let request: Int64?

  package static let digestSize = 16

  package init(_ key: IdempotencyKey, of streamID: String) {
    self.key = key
    var hash = SHA256()
    hash.update(data: Array(streamID.utf8))
    // No name of a stream has such a byte, and no key of the one kind is one of the other.
    hash.update(data: [0xFF, key.number == nil ? 0 : 1])
    hash.update(data: Array(key.name.text.utf8))
    let whole = Array(hash.finalize())
    digest = Array(whole.prefix(Self.digestSize))
    request = key.request.map { request in
      let digest = SHA256.hash(data: whole + request.bytes)
      return digest.prefix(8).reduce(0) { $0 << 8 | Int64($1) }
    }
  }
}
