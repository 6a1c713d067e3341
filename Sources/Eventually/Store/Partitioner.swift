/// Assigns streams to partitions as Kafka's Java client assigns keys, so that any client agrees.
public struct Partitioner: Sendable, Hashable {
  /// How many partitions there are.
  public let count: Partition

  /// A partitioner over `count` partitions, at least 1.
  public init(count: Partition) {
    precondition(count >= 1, "a store has at least one partition")
    self.count = count
  }

  /// The partition of a stream: `murmur2(UTF-8 bytes of the id) & 0x7fffffff % count`.
  public func partition(of streamID: String) -> Partition {
    var id = streamID
    return id.withUTF8 { partition(of: UnsafeRawBufferPointer($0)) }
  }

  /// The partition of a stream, by the UTF-8 bytes of its id.
  public func partition(of streamID: Span<UInt8>) -> Partition {
    streamID.withUnsafeBytes { partition(of: $0) }
  }

  private func partition(of bytes: UnsafeRawBufferPointer) -> Partition {
    Int32(bitPattern: murmur2(bytes) & 0x7FFF_FFFF) % count
  }
}

/// The 32-bit MurmurHash2 with the seed that Kafka uses.
func murmur2(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
  let m: UInt32 = 0x5BD1_E995
  var h: UInt32 = 0x9747_B28C ^ UInt32(truncatingIfNeeded: bytes.count)
  var offset = 0
  while offset + 4 <= bytes.count {
    var k = UInt32(
      littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
    k = k &* m
    k ^= k >> 24
    k = k &* m
    h = (h &* m) ^ k
    offset += 4
  }
  let rest = bytes.count - offset
  if rest >= 3 { h ^= UInt32(bytes[offset + 2]) << 16 }
  if rest >= 2 { h ^= UInt32(bytes[offset + 1]) << 8 }
  if rest >= 1 {
    h ^= UInt32(bytes[offset])
    h = h &* m
  }
  h ^= h >> 13
  h = h &* m
  h ^= h >> 15
  return h
}
