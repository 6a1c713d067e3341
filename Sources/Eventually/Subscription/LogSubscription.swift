/// Reads a store's log itself, from where a read model stands up to given positions, and ends there: for replays.
///
/// The next batch is read and decoded while one is applied.
public struct LogSubscription<Codec: EventCodec>: PartitionedSubscription {
  /// What the codec decodes.
  public typealias Event = Codec.Event

  private let log: any EventLog
  private let codec: Codec
  private let checkpoints: any PartitionCheckpointStore
  private let partitions: [Partition]
  private let through: [UInt64]
  private let owner: String
  private let pageSize: Int

  /// A subscription to some of a log's partitions.
  /// - Parameters:
  ///   - log: the log that is read.
  ///   - codec: encodes and decodes events.
  ///   - checkpoints: gives leases, and with them the positions to begin after.
  ///   - partitions: the partitions that are read.
  ///   - through: the position in each partition of the store after which it ends; the log must have come so far.
  ///   - owner: what the reader calls itself in leases.
  ///   - pageSize: a batch of deliveries has at most this many events.
  public init(
    _ log: any EventLog, codec: Codec, checkpoints: any PartitionCheckpointStore,
    partitions: [Partition],
    through: [UInt64], owner: String, pageSize: Int = 5_000
  ) {
    self.log = log
    self.codec = codec
    self.checkpoints = checkpoints
    self.partitions = partitions
    self.through = through
    self.owner = owner
    self.pageSize = pageSize
  }

  /// Takes leases, and begins after what they say.
  public func resume() async throws -> Deliveries {
    var leases: [Partition: PartitionLease] = [:]
    var after: UInt64?
    for lease in try await checkpoints.claim(partitions, owner: owner)
    where lease.position ?? 0 < through[Int(lease.partition)] {
      leases[lease.partition] = lease
      var sequence: UInt64 = 0
      if let position = lease.position, position > 0 {
        sequence = try await log.record(at: position, in: lease.partition).position.sequenceNumber
      }
      after = min(after ?? sequence, sequence)
    }
    let reader = Reader(
      log: log, decoder: EntryDecoder(codec, journal: checkpoints.crashJournal),
      checkpoints: checkpoints, through: through, pageSize: pageSize, leases: leases,
      after: after ?? 0)
    return Deliveries(reader: reader)
  }

  /// Leases are given up by whoever takes them over; there is nobody to tell.
  public func release(_ leases: [PartitionLease]) {}

  /// There is nobody to tell.
  public func acknowledge(_ deliveries: [Delivery<Event>]) {}

  /// Batches of deliveries, up to the end.
  public struct Deliveries: AsyncSequence {
    /// One batch: one delivery for each partition.
    public typealias Element = [Delivery<Event>]
    /// What the log throws, or the codec.
    public typealias Failure = any Error
    fileprivate let reader: Reader

    /// The iterator, at the beginning.
    public func makeAsyncIterator() -> Iterator {
      Iterator(ahead: Prefetcher { [reader] in try await reader.next() })
    }

    /// Reads one batch ahead.
    public struct Iterator: AsyncIteratorProtocol {
      fileprivate let ahead: Prefetcher<[Delivery<Event>]>

      /// The next batch; `nil` at the end.
      public mutating func next() async throws -> [Delivery<Event>]? {
        try await ahead.next()
      }
    }
  }

  /// Where reading is.
  fileprivate actor Reader {
    private let log: any EventLog
    private let decoder: EntryDecoder<Codec>
    private let checkpoints: any PartitionCheckpointStore
    private let through: [UInt64]
    private let pageSize: Int
    /// The leases of partitions that have not come to their end, by partition.
    private var left: [PartitionLease?]
    private var partitionsLeft: Set<Partition>
    private var after: UInt64

    init(
      log: any EventLog, decoder: EntryDecoder<Codec>, checkpoints: any PartitionCheckpointStore,
      through: [UInt64], pageSize: Int, leases: [Partition: PartitionLease], after: UInt64
    ) {
      self.log = log
      self.decoder = decoder
      self.checkpoints = checkpoints
      self.through = through
      self.pageSize = pageSize
      partitionsLeft = Set(leases.keys)
      left = Array(repeating: nil, count: through.count)
      for (partition, lease) in leases { left[Int(partition)] = lease }
      self.after = after
    }

    func next() async throws -> [Delivery<Event>]? {
      while !partitionsLeft.isEmpty, !Task.isCancelled {
        let records = try await log.records(after: after, limit: pageSize, of: partitionsLeft)
        guard let last = records.last else {
          let lease = left.lazy.compactMap { $0 }.first
          throw EventLogError.missingPosition(
            partition: lease?.partition ?? 0, position: (lease?.position ?? 0) + 1)
        }
        let deliveries = try await take(records)
        after = last.position.sequenceNumber
        if !deliveries.isEmpty { return deliveries }
      }
      return nil
    }

    /// Adds what comes next of each partition; what was applied already, and what is after the end, is passed over.
    private func take(_ records: [EventRecord]) async throws -> [Delivery<Event>] {
      // By partition: looked up for each record.
      var deliveries: [Delivery<Event>?] = Array(repeating: nil, count: through.count)
      for record in records {
        let partition = record.position.partition
        let sequence = record.position.partitionOffset
        let index = Int(partition)
        guard left.indices.contains(index), let lease = left[index],
          sequence > lease.position ?? 0
        else { continue }
        guard sequence == (lease.position ?? 0) + 1 else {
          throw EventLogError.missingPosition(
            partition: partition, position: (lease.position ?? 0) + 1)
        }
        let entry: LogEntry<String, Event>
        do throws(EventStoreError) {
          entry = try decoder.entry(record)
        } catch {
          entry = try await checkpoints.entry(record, after: error)
        }
        if deliveries[index] == nil {
          deliveries[index] = Delivery(
            partition: partition, epoch: lease.epoch, after: lease.position, entries: [],
            nextOffset: nil)
        }
        deliveries[index]?.entries.append(entry)
        left[index]?.position = sequence
        if sequence >= through[index] {
          left[index] = nil
          partitionsLeft.remove(partition)
        }
      }
      return deliveries.compactMap { $0 }
    }
  }
}
