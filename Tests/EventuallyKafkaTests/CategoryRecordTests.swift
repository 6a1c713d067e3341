import CKafkaShim
import Eventually
import Testing

@testable import EventuallyKafka

/// Records of streams that have categories.
@Suite(.timeLimit(.minutes(5))) struct CategoryRecordTests {
  private static let keys: TopicKeys? = try? TopicKeys([[UInt8](repeating: 7, count: 32)])

  /// The headers of a record, as they are handed to the producer.
  private func headers(
    _ stream: String, keys: TopicKeys? = nil, asPlaceholder: Bool = false
  ) -> [String: String] {
    var batch = RecordBatch(storeID: "store", contentType: "text/plain", keys: keys)
    let position = EventPosition(
      partition: 0, partitionOffset: 1, sequenceNumber: 1, version: 1)
    batch.append(
      EventRecord(
        id: EventID(high: 1, low: 2), type: "Text", streamID: stream, position: position,
        time: Timestamp(microseconds: 0), payload: [1]), asPlaceholder: asPlaceholder)
    return batch.withShimBatch { batch, record in
      var headers: [String: String] = [:]
      for header in WireHeader.allCases {
        let span = batch.headers[Int(record.pointee.first_header) + header.index]
        guard span.length >= 0 else { continue }
        let bytes = UnsafeBufferPointer(
          start: batch.bytes + Int(span.offset), count: Int(span.length))
        headers[header.rawValue] = String(decoding: bytes, as: UTF8.self)
      }
      return headers
    }
  }

  @Test func theSubjectIsTheID() throws {
    #expect(headers("account/1")["ce_subject"] == "1")
    #expect(headers("account/a/b")["ce_subject"] == "a/b")
    for stream in ["1", "Not a category/1", "/1"] {
      #expect(headers(stream)["ce_subject"] == nil, "'\(stream)'")
    }
    #expect(headers("account/1", asPlaceholder: true)["ce_subject"] == nil)
    #expect(WireHeader.read.map(\.index) == Array(0..<WireHeader.read.count))
    #expect(WireHeader.read.count <= CKS_MAX_HEADERS)
  }

  /// A topic with two aggregates of equal ids, which two workers read that each take one of them.
  @Test(arguments: [nil, keys]) func eachWorkerTakesItsCategory(_ keys: TopicKeys?) async throws {
    let topic = uniqueName("topic")
    let cluster = try TestCluster(topics: [(topic, 2)])
    let configuration = configuration(cluster.brokers, topic, keys: keys)
    let outbox = MemoryOutbox(partitions: 2)
    outbox.append(6, streams: 2, of: "account")
    outbox.append(4, streams: 2, of: "customer")
    outbox.append(2, streams: 2)
    _ = try await publishAll(configuration, outbox)
    outbox.remove("customer/stream-1")
    outbox.append(3, streams: 2, of: "account")
    _ = try await publishAll(configuration, outbox)
    let head = outbox.head.position
    func consumed(_ category: StreamCategory) async throws -> MemoryReadModel {
      let model = MemoryReadModel()
      let status = try await consume(
        configuration, outbox, into: model, group: cluster.group(),
        codec: CategoryCodec(TextCodec(), category: category)
      ) { _ in model.applied.position >= head }
      #expect(status.rejectedRecords == 0 && status.gapsRepaired == 0, "\(status)")
      expectComplete(model, outbox)
      return model
    }
    let accounts = try await consumed("account")
    #expect(accounts.streams.count == 9 && accounts.removed.isEmpty)
    #expect(Set(accounts.streams) == ["account/stream-0", "account/stream-1"])
    let customers = try await consumed("customer")
    #expect(customers.removed == ["customer/stream-1"])
    #expect(Set(customers.streams) == ["customer/stream-0", "customer/stream-1"])
    let unnamed = try await consumed(.unnamed)
    #expect(unnamed.streams.sorted() == ["stream-0", "stream-1"])
  }

  /// Nothing could tell later that such a record, of a stream that is not taken, had an event's place.
  @Test(arguments: ["Text", EventRecord.erasedType, EventRecord.removedType])
  func aForgedRecordWithoutAnIDTakesNoPlace(_ type: String) async throws {
    let topic = uniqueName("topic")
    let cluster = try TestCluster(topics: [(topic, 1)])
    let configuration = configuration(cluster.brokers, topic)
    let outbox = MemoryOutbox(partitions: 1)
    outbox.append(6, streams: 2, of: "account")
    let records = outbox.records(after: 0, limit: 6)
    var forged = records[3].forged()
    forged.streamID = "customer/1"
    forged.type = type
    try await produce(Array(records[..<3]), configuration, storeID: outbox.storeID)
    try await produce([forged], configuration, storeID: outbox.storeID, withoutIDs: true)
    try await produce(Array(records[3...]), configuration, storeID: outbox.storeID)
    let model = MemoryReadModel()
    let status = try await consume(
      configuration, outbox, into: model, group: cluster.group(),
      codec: CategoryCodec(TextCodec(), category: "account")
    ) { _ in model.applied.position >= 6 }
    #expect(status.rejectedRecords == 1, "\(status)")
    #expect(model.streams.count == 6, "\(model.streams)")
    #expect(model.forged.isEmpty, "\(model.forged)")
  }
}
