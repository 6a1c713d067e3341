import Digests

/// A snapshot's payload as the store keeps it: with a digest behind it.
///
/// A state in which a bit has changed would be decided from. A snapshot without its digest, as earlier versions kept them, or
/// with another one, is passed over: the stream's events come to the same state.
package enum SnapshotSeal {
  /// The payload and the digest.
  package static func seal(_ snapshot: Snapshot, of streamID: String) -> [UInt8] {
    snapshot.payload + digest(snapshot, of: streamID)
  }

  /// The snapshot with its payload alone; `nil` where the digest is another one.
  package static func open(_ sealed: Snapshot, of streamID: String) -> Snapshot? {
    guard sealed.payload.count >= SHA256.byteCount else { return nil }
    var snapshot = sealed
    snapshot.payload.removeLast(SHA256.byteCount)
    guard sealed.payload.suffix(SHA256.byteCount).elementsEqual(digest(snapshot, of: streamID))
    else { return nil }
    return snapshot
  }

  private static func digest(_ snapshot: Snapshot, of streamID: String) -> [UInt8] {
    var hash = SHA256()
    for number in [
      UInt64(streamID.utf8.count), snapshot.version, snapshot.sequenceNumber,
      UInt64(bitPattern: Int64(snapshot.schemaVersion)),
    ] {
      withUnsafeBytes(of: number.bigEndian) { hash.update(bufferPointer: $0) }
    }
    hash.update(data: Array(streamID.utf8))
    hash.update(data: snapshot.payload)
    return Array(hash.finalize())
  }
}
