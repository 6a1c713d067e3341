import CKafkaShim
import Eventually

/// A consumed record, in librdkafka's memory: it lives as long as the poll that it came from.
struct WireMessage: ~Copyable {
  private let message: cks_message

  init(_ message: cks_message) {
    self.message = message
  }

  var partition: Partition { message.partition }
  var offset: Int64 { message.offset }

  /// An error in a record's place.
  var error: KafkaError? {
    guard message.code != 0 else { return nil }
    let words = message.error_message.map { String(cString: $0) } ?? ""
    return KafkaError(
      code: message.code, message: words, isRetriable: false,
      operation: "consume partition \(partition)")
  }

  /// The end of the partition was reached.
  var isEndOfPartition: Bool { message.code == CKS_PARTITION_EOF }

  /// Whether the record names a store as its source, in these very bytes.
  func comes(from name: String) -> Bool {
    let source = header(.source)
    var name = name
    return name.withUTF8 { expected in
      expected.count == source.length
        && UnsafeBufferPointer(start: source.start, count: source.length).elementsEqual(expected)
    }
  }

  /// The store that the record names as its source, as it may be shown: at most 80 characters of it, escaped.
  var source: String? {
    let source = header(.source)
    return source.start == nil ? nil : string(source).excerpt
  }

  /// Where the record says that its event is.
  var position: EventPosition? {
    let position = header(.position)
    guard position.start != nil else { return nil }
    return EventPosition(partition: partition, wire: span(position))
  }

  /// The id that the record's event says it has.
  var eventID: EventID? {
    let id = header(.id)
    return id.start == nil ? nil : EventID(utf8: span(id))
  }

  /// Whether the record has a code at all.
  var isSigned: Bool { header(.mac).start != nil }

  /// Whether the record only stands for an event, which it does not hold.
  var isPlaceholder: Bool { header(.placeholder).start != nil }

  /// Whether the record's code is that of its content.
  func isVerified(by signer: inout RecordSigner) -> Bool {
    signer.record.begin(partition, isPlaceholder: isPlaceholder)
    for header in WireHeader.read where header != .mac && header != .placeholder {
      signer.record.append(raw(self.header(header)))
    }
    if isPlaceholder { signer.record.append(raw(header(.placeholder))) }
    signer.record.append(raw(message.key))
    let value = raw(message.value)
    signer.record.appendLength(value?.count)
    guard let code = raw(header(.mac)) else { return false }
    return signer.verify(code, value)
  }

  /// What tells the event's content from any other: a hash of key, type and value.
  var fingerprint: RecordFingerprint {
    RecordFingerprint(
      key: raw(message.key), type: raw(header(.type)), value: raw(message.value))
  }

  private func raw(_ bytes: cks_bytes) -> UnsafeRawBufferPointer? {
    bytes.start.map { UnsafeRawBufferPointer(start: $0, count: bytes.length) }
  }

  /// The entry that the record stands for.
  func entry<Codec: EventCodec>(
    at position: EventPosition, decodedBy codec: Codec
  ) throws -> LogEntry<String, Codec.Event> {
    let type = string(header(.type))
    guard message.key.start != nil else { throw MalformedRecord(reason: "it has no key") }
    let stream = string(message.key)
    // Of what is not taken too: without an id, nothing could tell that a record which is not the store's had its place.
    guard let id = EventID(utf8: span(header(.id))) else {
      throw MalformedRecord(reason: "ce_id is not a UUID")
    }
    if type == EventRecord.erasedType { return .erased(id: id, at: position) }
    guard codec.takes(stream: stream) else { return .other(id: id, at: position) }
    if type == EventRecord.removedType { return .removed(stream, id: id, at: position) }
    guard let time = Timestamp(utf8: span(header(.time))) else {
      throw MalformedRecord(reason: "ce_time is not a time")
    }
    guard let event = try codec.decode(type: type, stream: stream, payload: span(message.value))
    else { return .other(id: id, at: position) }
    return .event(
      Persisted(
        streamID: stream, position: position, id: id, time: time, event: event,
        metadata: try metadata()))
  }

  /// What led to the event; most have nothing of it.
  private func metadata() throws -> EventMetadata {
    let optional = [WireHeader.correlationID, .causationID, .traceParent, .metadata]
    guard optional.contains(where: { header($0).start != nil }) else { return EventMetadata() }
    func text(_ name: WireHeader) -> String? {
      header(name).start == nil ? nil : string(header(name))
    }
    var metadata = EventMetadata(
      correlationID: text(.correlationID), causationID: text(.causationID),
      traceParent: text(.traceParent))
    if header(.metadata).start != nil {
      metadata.additional = try EventMetadata.texts(span(header(.metadata)))
    }
    return metadata
  }

  /// The partition, of so many, that the record's key belongs to.
  func home(of count: Partition) -> Partition {
    guard message.key.start != nil else { return -1 }
    return Partitioner(count: count).partition(of: span(message.key))
  }

  /// The first bytes of the key.
  func key(upTo limit: Int) -> [UInt8] { prefix(message.key, limit) }
  /// The first bytes of the value.
  func value(upTo limit: Int) -> [UInt8] { prefix(message.value, limit) }
  /// How many bytes the value has.
  var valueSize: Int { message.value.length }

  /// How many bytes key and value have.
  var size: Int { message.key.length + message.value.length }

  private func prefix(_ bytes: cks_bytes, _ limit: Int) -> [UInt8] {
    Array(UnsafeBufferPointer(start: bytes.start, count: min(bytes.length, limit)))
  }

  private func header(_ header: WireHeader) -> cks_bytes {
    withUnsafeBytes(of: message.headers) {
      $0.bindMemory(to: cks_bytes.self)[header.index]
    }
  }

  private func string(_ bytes: cks_bytes) -> String {
    String(
      decoding: UnsafeBufferPointer(start: bytes.start, count: bytes.length), as: UTF8.self)
  }

  @_lifetime(borrow self)
  private func span(_ bytes: cks_bytes) -> Span<UInt8> {
    let span = Span(_unsafeElements: UnsafeBufferPointer(start: bytes.start, count: bytes.length))
    // The bytes belong to the message that `self` stands for, not to the pointer's own scope.
    return unsafe _overrideLifetime(span, borrowing: self)
  }
}

/// A record of this store that is not as it should be.
struct MalformedRecord: Error, CustomStringConvertible {
  var reason: String
  var description: String { "the record is malformed: \(reason)" }
}
