import Digests

/// What tells two stores apart: SHA-256 over all that a copy has, in a form that no database has a part in.
///
/// Numbers are eight bytes, the highest first; text and bytes come after their length.
package struct StoreDigest: Sendable {
  /// Digests of the parts of a store.
  package struct Value: Sendable, Hashable, CustomStringConvertible {
    package var events: [UInt8]
    package var keys: [UInt8]
    /// How far it is published, and the placeholders.
    package var publication: [UInt8]

    /// A digest of all of them, in hexadecimal digits.
    package var description: String {
      SHA256.hash(data: events + keys + publication).map { byte in
        (byte < 16 ? "0" : "") + String(byte, radix: 16)
      }.joined()
    }

    /// The parts in which two stores differ.
    package func differences(from other: Value) -> [String] {
      [
        (events != other.events, "events"), (keys != other.keys, "idempotency keys"),
        (publication != other.publication, "published positions and placeholders"),
      ].filter(\.0).map(\.1)
    }
  }

  private var events = SHA256()
  private var keys = SHA256()
  private var publication = SHA256()

  package init() {}

  package mutating func add(_ records: [EventRecord]) {
    var bytes = CanonicalBytes()
    for record in records { bytes.add(record) }
    events.update(data: bytes.bytes)
  }

  package mutating func add(_ keys: [CopiedKey]) {
    var bytes = CanonicalBytes()
    for key in keys {
      bytes.add(key.stream)
      bytes.add(key.key)
      bytes.add(key.sequence)
      bytes.add(signed: key.seconds)
      bytes.add(key.number)
      bytes.add(key.request.map { UInt64(bitPattern: $0) })
    }
    self.keys.update(data: bytes.bytes)
  }

  package mutating func add(skips: [CopiedSkip], progress: PublishedProgress) {
    var bytes = CanonicalBytes()
    bytes.add(UInt64(skips.count))
    for skip in skips {
      bytes.add(signed: Int64(skip.partition))
      bytes.add(skip.offset)
      bytes.add(skip.decided)
    }
    bytes.add(progress.through)
    bytes.add(UInt64(progress.partitions.count))
    for offset in progress.partitions { bytes.add(offset) }
    for event in progress.refused {
      bytes.add(event.position.sequenceNumber)
      bytes.add(signed: Int64(event.size))
      bytes.add(event.reason)
      bytes.add(event.since)
    }
    publication.update(data: bytes.bytes)
  }

  package func finalize() -> Value {
    Value(
      events: Array(events.finalize()), keys: Array(keys.finalize()),
      publication: Array(publication.finalize()))
  }
}

private struct CanonicalBytes {
  private(set) var bytes: [UInt8] = []

  mutating func add(_ record: EventRecord) {
    let position = record.position
    add(position.sequenceNumber)
    add(signed: Int64(position.partition))
    add(position.partitionOffset)
    add(position.version)
    add(record.time)
    add(record.id.high)
    add(record.id.low)
    add(record.streamID)
    // An erased event has nothing more, and no event can have its type.
    add(record.type)
    guard record.type != EventRecord.erasedType else { return }
    add(record.payload)
    add(record.metadata.isEmpty ? [] : record.metadata.json)
  }

  mutating func add(_ number: UInt64) {
    withUnsafeBytes(of: number.bigEndian) { bytes.append(contentsOf: $0) }
  }

  mutating func add(signed number: Int64) { add(UInt64(bitPattern: number)) }

  mutating func add(_ number: UInt64?) {
    bytes.append(number == nil ? 0 : 1)
    if let number { add(number) }
  }

  mutating func add(_ time: Timestamp) { add(signed: time.microseconds) }

  mutating func add(_ content: [UInt8]) {
    add(UInt64(content.count))
    bytes += content
  }

  mutating func add(_ text: String) {
    add(UInt64(text.utf8.count))
    bytes += text.utf8
  }
}
