import CKafkaShim
import Eventually

/// Records as the producer takes them: all of their bytes in one array, with places in it.
struct RecordBatch {
  private var bytes: [UInt8] = []
  private var records: [cks_record] = []
  /// The headers of one record after the other; tests leave some out.
  var headers: [cks_span] = []
  private let constants: [(WireHeader, cks_span)]
  private let constantBytes: [UInt8]
  private var signer: RecordSigner?

  var count: Int { records.count }
  /// How many bytes the records take.
  var size: Int { bytes.count }

  /// An empty batch for the events of a store, which are signed where there are keys.
  init(storeID: String, contentType: String, keys: TopicKeys? = nil) {
    self.init(source: SourceName.uri(of: storeID), contentType: contentType, keys: keys)
  }

  /// - Parameter source: the value of `ce_source`, as it is.
  init(source: String, contentType: String, keys: TopicKeys? = nil) {
    signer = keys.map { RecordSigner($0) }
    var constants: [(WireHeader, cks_span)] = []
    var bytes: [UInt8] = []
    for (header, value) in [
      (WireHeader.specversion, "1.0"), (.source, source), (.contentType, contentType),
    ] {
      let start = bytes.count
      bytes.append(contentsOf: value.utf8)
      constants.append(
        (header, cks_span(offset: UInt32(start), length: Int32(bytes.count - start))))
    }
    self.constants = constants
    constantBytes = bytes
    self.bytes = bytes
  }

  /// Forgets the records, and keeps the memory.
  mutating func clear() {
    bytes.removeAll(keepingCapacity: true)
    bytes.append(contentsOf: constantBytes)
    records.removeAll(keepingCapacity: true)
    headers.removeAll(keepingCapacity: true)
  }

  /// Forgets the first `count` records.
  mutating func dropFirst(_ count: Int) {
    records.removeFirst(count)
  }

  /// Whose record is at an index.
  subscript(index: Int) -> (partition: Partition, sequence: UInt64) {
    (records[index].partition, records[index].tag)
  }

  /// Adds an event's record, or a placeholder for it: that has neither payload nor what may be left out.
  mutating func append(_ event: EventRecord, asPlaceholder: Bool = false) {
    let first = headers.count
    headers.append(
      contentsOf: repeatElement(cks_span(offset: 0, length: -1), count: WireHeader.allCases.count))
    for (header, span) in constants { headers[first + header.index] = span }
    headers[first + WireHeader.id.index] = span { event.id.append(to: &$0) }
    headers[first + WireHeader.type.index] = span { $0.append(contentsOf: event.type.utf8) }
    headers[first + WireHeader.time.index] = span { event.time.append(to: &$0) }
    headers[first + WireHeader.position.index] = span { event.position.appendWire(to: &$0) }
    if asPlaceholder {
      headers[first + WireHeader.placeholder.index] = span {
        $0.append(contentsOf: WireHeader.refused.utf8)
      }
    } else {
      if !event.metadata.isEmpty { append(event.metadata, at: first) }
      if let category = StreamCategory.of(stream: event.streamID), category != .unnamed,
        let id = category.id(ofStream: event.streamID)
      {
        headers[first + WireHeader.subject.index] = span { $0.append(contentsOf: id.utf8) }
      }
    }
    let isTombstone =
      event.type == EventRecord.removedType || event.type == EventRecord.erasedType
    let key = span { $0.append(contentsOf: event.streamID.utf8) }
    // A placeholder is no tombstone: a topic that is compacted would lose what it has of the key.
    let value =
      isTombstone && !asPlaceholder
      ? cks_span(offset: 0, length: -1)
      : span { if !asPlaceholder { $0.append(contentsOf: event.payload) } }
    if signer != nil { sign(event.position.partition, headers: first, key: key, value: value) }
    records.append(
      cks_record(
        partition: event.position.partition, tag: event.position.sequenceNumber, key: key,
        value: value, first_header: UInt32(first)))
  }

  private mutating func sign(
    _ partition: Partition, headers first: Int, key: cks_span, value: cks_span
  ) {
    var code: [UInt8] = []
    code.reserveCapacity(RecordSigner.size)
    bytes.withUnsafeBytes { bytes in
      func part(_ span: cks_span) -> UnsafeRawBufferPointer? {
        span.length < 0
          ? nil
          : UnsafeRawBufferPointer(rebasing: bytes[Int(span.offset)...].prefix(Int(span.length)))
      }
      let placeholder = part(headers[first + WireHeader.placeholder.index])
      signer?.record.begin(partition, isPlaceholder: placeholder != nil)
      for index in 0..<WireHeader.mac.index { signer?.record.append(part(headers[first + index])) }
      if placeholder != nil { signer?.record.append(placeholder) }
      signer?.record.append(part(key))
      let value = part(value)
      signer?.record.appendLength(value?.count)
      signer?.sign(value, into: &code)
    }
    headers[first + WireHeader.mac.index] = span { $0.append(contentsOf: code) }
  }

  private mutating func append(_ metadata: EventMetadata, at first: Int) {
    for (header, value) in [
      (WireHeader.correlationID, metadata.correlationID),
      (.causationID, metadata.causationID), (.traceParent, metadata.traceParent),
    ] {
      guard let value else { continue }
      headers[first + header.index] = span { $0.append(contentsOf: value.utf8) }
    }
    guard !metadata.additional.isEmpty else { return }
    var json = JSONWriter()
    EventMetadata.write(metadata.additional, &json)
    headers[first + WireHeader.metadata.index] = span { $0.append(contentsOf: json.bytes) }
  }

  private mutating func span(_ write: (inout [UInt8]) -> Void) -> cks_span {
    let start = bytes.count
    write(&bytes)
    return cks_span(offset: UInt32(start), length: Int32(bytes.count - start))
  }

  /// Calls `body` with the batch and its records as C takes them. The batch must not be empty.
  func withShimBatch<Result>(
    _ body: (inout cks_record_batch, UnsafePointer<cks_record>) -> Result
  ) -> Result {
    withCStrings(WireHeader.allCases.map(\.rawValue)) { names in
      withBase(names) { names, count in
        withBase(bytes) { bytes, _ in
          withBase(headers) { headers, _ in
            withBase(records) { records, _ in
              var batch = cks_record_batch(
                bytes: bytes, headers: headers, header_names: names, header_count: count)
              return body(&batch, records)
            }
          }
        }
      }
    }
  }
}

/// Calls `body` with the address of an array that is not empty.
private func withBase<Element, Result>(
  _ array: [Element], _ body: (UnsafePointer<Element>, Int) -> Result
) -> Result {
  array.withUnsafeBufferPointer { buffer in
    guard let base = buffer.baseAddress else { preconditionFailure("a batch is not empty") }
    return body(base, buffer.count)
  }
}

extension EventPosition {
  /// Appends `<partition offset>.<sequence number>.<stream version>`.
  func appendWire(to bytes: inout [UInt8]) {
    bytes.append(contentsOf: String(partitionOffset).utf8)
    bytes.append(UInt8(ascii: "."))
    bytes.append(contentsOf: String(sequenceNumber).utf8)
    bytes.append(UInt8(ascii: "."))
    bytes.append(contentsOf: String(version).utf8)
  }

  /// Reads what ``appendWire(to:)`` writes.
  init?(partition: Partition, wire bytes: Span<UInt8>) {
    var numbers: (UInt64, UInt64, UInt64) = (0, 0, 0)
    var dots = 0
    var digits = 0
    for index in 0..<bytes.count {
      let byte = bytes[index]
      if byte == UInt8(ascii: ".") {
        guard digits > 0, dots < 2 else { return nil }
        dots += 1
        digits = 0
        numbers = (numbers.1, numbers.2, 0)
        continue
      }
      guard byte >= 0x30, byte <= 0x39, digits < 19 else { return nil }
      numbers.2 = numbers.2 * 10 + UInt64(byte - 0x30)
      digits += 1
    }
    guard dots == 2, digits > 0, numbers.0 > 0, numbers.1 > 0 else { return nil }
    self.init(
      partition: partition, partitionOffset: numbers.0, sequenceNumber: numbers.1,
      version: numbers.2)
  }
}
