import Eventually

/// About how large the large streams are, as far as this process has seen them: of more than can be many, the others.
final class StreamSizes: Sendable {
  /// From so many bytes on a stream is large.
  static let large: UInt64 = 256 << 10
  /// At most so many are known.
  private static let most = 100_000
  /// By the hashes of their names.
  private let sizes = Locked<[Int: UInt64]>([:])

  func note(_ bytes: UInt64, of streamID: String) {
    sizes.withLock { sizes in
      if bytes < Self.large {
        if !sizes.isEmpty { sizes[streamID.hashValue] = nil }
      } else if sizes.count < Self.most || sizes[streamID.hashValue] != nil {
        sizes[streamID.hashValue] = bytes
      }
    }
  }

  func size(of streamID: String) -> UInt64 {
    sizes.withLock { $0[streamID.hashValue] ?? 0 }
  }
}
