import Eventually
import Testing

@testable import EventuallyKafka

@Suite struct OffsetSearchTests {
  /// Every event that a topic has is found where it is, whatever else the topic has, with few reads.
  @Test(arguments: 0..<30 as Range<UInt64>)
  func everyEventIsFound(_ seed: UInt64) {
    var random = SeededRandom(seed: seed)
    let count = random.next() % 2_000
    let first = random.next() % 1_000 + 1
    var records: [Int64: UInt64] = [:]
    let begin = Int64(random.next() % 500)
    var offset = begin
    for position in first..<first + count {
      // Marks of transactions, and records of others.
      if random.next() % 8 == 0 { offset += Int64(random.next() % 5) }
      records[offset] = position
      offset += 1
    }
    let offsets = begin..<offset
    for (expected, position) in records {
      let (found, reads) = find(position, records, offsets)
      #expect(found == expected && reads <= 24, "\(position): \(String(describing: found))")
    }
    #expect(find(first - 1, records, offsets).found == nil)
    #expect(find(first + count, records, offsets).found == nil)
  }

  /// One that was published twice is found once.
  @Test func aRepeatedEventIsFound() {
    let records = Dictionary(
      uniqueKeysWithValues: ([1, 2, 3, 4, 2, 3, 4, 5] as [UInt64]).enumerated().map {
        (Int64($0.offset), $0.element)
      })
    for position in 1...5 as ClosedRange<UInt64> {
      let found = find(position, records, 0..<8).found
      #expect(found.map { records[$0] } == position, "\(position)")
    }
  }

  private func find(
    _ position: UInt64, _ records: [Int64: UInt64], _ offsets: Range<Int64>
  ) -> (found: Int64?, reads: Int) {
    var search = OffsetSearch(position, in: offsets)
    for reads in 0..<200 {
      switch search.next {
      case .found(let offset): return (offset, reads)
      case .missing: return (nil, reads)
      case .read(let range): search.take(range.compactMap { records[$0] })
      }
    }
    return (nil, 200)
  }
}

/// What a publisher knows of the topic's offsets.
@Suite(.timeLimit(.minutes(5))) struct TopicOffsetTests {
  @Test func theRelayAndTheTopicTellTheSame() async throws {
    let topic = uniqueName("topic")
    let cluster = try TestCluster(topics: [(topic, 4)])
    let outbox = MemoryOutbox(partitions: 4)
    outbox.append(300)
    let publisher = publisher(configuration(cluster.brokers, topic), outbox)
    let begin = Timestamp.now()
    let running = Task { try await publisher.run() }
    try await within(.seconds(120), seen: { "\(publisher.status)" }) {
      await publisher.published.wait(past: 299)
    }
    running.cancel()
    try await running.value
    let records = outbox.records(after: 0, limit: 1_000)
    for record in records {
      let (position, partition) = (record.position.partitionOffset, record.position.partition)
      let told = try #require(publisher.acknowledgement(of: position, in: partition))
      // Nothing but these events is in the topic.
      #expect(told.offset == Int64(position) - 1, "\(record.position)")
      #expect(told.times.lowerBound >= begin && told.times.upperBound <= .now())
    }
    for record in records.suffix(3) {
      let (position, partition) = (record.position.partitionOffset, record.position.partition)
      let found = try await publisher.lookUp(position, in: partition, within: .seconds(60))
      #expect(found == Int64(position) - 1, "\(record.position)")
    }
    let last = records.filter { $0.position.partition == 0 }.count
    let none = try await publisher.lookUp(UInt64(last) + 1, in: 0, within: .seconds(60))
    #expect(none == nil)
    #expect(publisher.acknowledgement(of: UInt64(last) + 1, in: 0) == nil)
  }
}
