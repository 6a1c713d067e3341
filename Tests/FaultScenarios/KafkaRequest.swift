/// Reads numbers and texts of Kafka's protocol one after the other; `nil` where the bytes end.
struct KafkaBytes {
  private let bytes: [UInt8]
  private(set) var position: Int

  init(_ bytes: [UInt8], at position: Int = 0) {
    self.bytes = bytes
    self.position = position
  }

  mutating func take(_ count: Int) -> ArraySlice<UInt8>? {
    guard count >= 0, count <= bytes.count - position else { return nil }
    defer { position += count }
    return bytes[position..<position + count]
  }

  mutating func number<Number: FixedWidthInteger>(_: Number.Type) -> Number? {
    take(MemoryLayout<Number>.size)?.reduce(0) { $0 << 8 | Number(truncatingIfNeeded: $1) }
  }

  /// Text with its length before it; empty where there is none.
  mutating func text() -> String? {
    guard let count = number(Int16.self) else { return nil }
    return take(max(0, Int(count))).map { String(decoding: $0, as: UTF8.self) }
  }
}

extension Array<UInt8> {
  mutating func append(bigEndian number: some FixedWidthInteger) {
    Swift.withUnsafeBytes(of: number.bigEndian) { append(contentsOf: $0) }
  }

  mutating func append(kafkaText text: String) {
    append(bigEndian: Int16(text.utf8.count))
    append(contentsOf: text.utf8)
  }
}

/// A batch of records that a producer sends to one partition.
package struct ProducedBatch: Sendable {
  package var topic: String
  package var partition: Int32
  /// The batch as it is sent. Without compression its records are in it as they are.
  package var bytes: [UInt8]
  package var count: Int32
  var producer: Int64
  var epoch: Int16
  var sequence: Int32

  /// Whether these bytes are somewhere in the batch.
  package func contains(_ marker: String) -> Bool {
    let marker = Array(marker.utf8)
    guard let first = marker.first, bytes.count >= marker.count else { return false }
    return bytes.indices.dropLast(marker.count - 1).contains { index in
      bytes[index] == first && bytes[index..<index + marker.count].elementsEqual(marker)
    }
  }
}

/// A request that a client sends to a broker.
struct KafkaRequest {
  let kind: Int16
  let version: Int16
  let correlation: Int32
  /// Where what is particular to the kind begins.
  private let body: KafkaBytes

  /// - Parameter bytes: the request without its length.
  init?(_ bytes: [UInt8]) {
    var reader = KafkaBytes(bytes)
    guard let kind = reader.number(Int16.self), let version = reader.number(Int16.self),
      let correlation = reader.number(Int32.self), reader.text() != nil
    else { return nil }
    (self.kind, self.version, self.correlation, body) = (kind, version, correlation, reader)
  }

  static let produce: Int16 = 0
  static let metadata: Int16 = 3
  static let versions: Int16 = 18
  static let configuration: Int16 = 32

  /// The one batch of a request to produce, as librdkafka makes them.
  var batch: ProducedBatch? {
    guard kind == Self.produce, (3...7).contains(version) else { return nil }
    var reader = body
    guard reader.text() != nil, reader.number(Int16.self) != nil, reader.number(Int32.self) != nil,
      reader.number(Int32.self) == 1, let topic = reader.text(), reader.number(Int32.self) == 1,
      let partition = reader.number(Int32.self), let size = reader.number(Int32.self),
      let bytes = reader.take(Int(size)).map({ Array($0) })
    else { return nil }
    var record = KafkaBytes(bytes, at: 43)
    guard let producer = record.number(Int64.self), let epoch = record.number(Int16.self),
      let sequence = record.number(Int32.self), let count = record.number(Int32.self)
    else { return nil }
    return ProducedBatch(
      topic: topic, partition: partition, bytes: bytes, count: count, producer: producer,
      epoch: epoch, sequence: sequence)
  }

  /// The answer to a request to produce that refuses its batch, without its length.
  func refusal(of batch: ProducedBatch, code: Int16) -> [UInt8] {
    var answer: [UInt8] = []
    answer.append(bigEndian: correlation)
    answer.append(bigEndian: Int32(1))
    answer.append(kafkaText: batch.topic)
    answer.append(bigEndian: Int32(1))
    answer.append(bigEndian: batch.partition)
    answer.append(bigEndian: code)
    answer.append(bigEndian: Int64(-1))
    answer.append(bigEndian: Int64(-1))
    if version >= 5 { answer.append(bigEndian: Int64(-1)) }
    answer.append(bigEndian: Int32(0))
    return answer
  }

  /// The error in the answer to a request to produce one batch.
  func code(inAnswer answer: [UInt8]) -> Int16? {
    var reader = KafkaBytes(answer)
    guard reader.number(Int32.self) != nil, reader.number(Int32.self) == 1, reader.text() != nil,
      reader.number(Int32.self) == 1, reader.number(Int32.self) != nil
    else { return nil }
    return reader.number(Int16.self)
  }

  /// An answer to a request for metadata in which all brokers are at another port, and the first is the controller: the
  /// development cluster has none, and a client asks it for configuration.
  func redirected(_ answer: [UInt8], to port: UInt16) -> [UInt8] {
    var answer = answer
    var reader = KafkaBytes(answer)
    func replace(_ place: Int, _ number: Int32) {
      var bytes: [UInt8] = []
      bytes.append(bigEndian: number)
      answer.replaceSubrange(place..<place + 4, with: bytes)
    }
    _ = reader.number(Int32.self)
    if version >= 3 { _ = reader.number(Int32.self) }
    var controller: Int32?
    for _ in 0..<(reader.number(Int32.self) ?? 0) {
      guard let broker = reader.number(Int32.self), reader.text() != nil else { return answer }
      controller = controller ?? broker
      let place = reader.position
      guard reader.number(Int32.self) != nil else { return answer }
      replace(place, Int32(port))
      if version >= 1, reader.text() == nil { return answer }
    }
    if version >= 2 { _ = reader.text() }
    let place = reader.position
    if version >= 1, let controller, reader.number(Int32.self) != nil { replace(place, controller) }
    return answer
  }

  /// The answer to a question for what the broker can do, in a version that it does not know; the client asks in version 0
  /// then.
  var unknownVersion: [UInt8] {
    var answer: [UInt8] = []
    answer.append(bigEndian: correlation)
    answer.append(bigEndian: Int16(35))
    answer.append(bigEndian: Int32(0))
    return answer
  }

  /// An answer of version 0 to that question, with requests for configuration added.
  func withConfiguration(_ answer: [UInt8]) -> [UInt8] {
    var reader = KafkaBytes(answer)
    guard reader.number(Int32.self) != nil, reader.number(Int16.self) == 0,
      let count = reader.number(Int32.self)
    else { return answer }
    var changed = Array(answer[..<6])
    changed.append(bigEndian: count + 1)
    changed += answer[10...]
    let added: [Int16] = [Self.configuration, 0, 0]
    for number in added { changed.append(bigEndian: number) }
    return changed
  }

  /// The answer to a request for a topic's configuration, of version 0: one setting.
  func configuration(_ name: String, _ value: String) -> [UInt8]? {
    var reader = body
    guard kind == Self.configuration, version == 0, reader.number(Int32.self) == 1,
      let type = reader.number(Int8.self), let topic = reader.text()
    else { return nil }
    var answer: [UInt8] = []
    answer.append(bigEndian: correlation)
    answer.append(bigEndian: Int32(0))
    answer.append(bigEndian: Int32(1))
    answer.append(bigEndian: Int16(0))
    answer.append(bigEndian: Int16(-1))
    answer.append(bigEndian: type)
    answer.append(kafkaText: topic)
    answer.append(bigEndian: Int32(1))
    answer.append(kafkaText: name)
    answer.append(kafkaText: value)
    // Neither for reading only, nor a default, nor to be kept secret.
    answer += [0, 0, 0]
    return answer
  }
}
