/// How a store of records is opened.
public struct EventStoreOptions: Sendable {
  /// How many partitions a new store divides its streams among; it never changes after that. A store
  /// that exists is refused where it differs; `nil` takes what it has, and 12 for a new one.
  public var partitionCount: Partition?
  /// At most this many events go into one transaction, unless one append has more.
  public var transactionLimit = 4096
  /// While this many events wait to be appended, further appends are refused with
  /// ``EventStoreError/overloaded``.
  public var queueLimit = 100_000
  /// An event whose record takes more bytes is refused with ``EventStoreError/recordTooLarge(_:)``. The bus must accept what this
  /// accepts; a publisher may set it to what that does.
  public var recordLimit = RecordLimit()
  /// Whether an append makes sure, before it commits, that each event decodes to an equal one, and refuses it with
  /// ``EventStoreError/unreadable(_:)`` where not. It costs about as much processor time as to decode the events, while the
  /// store inserts them.
  public var readsBack = true
  /// An append that would make its stream larger is refused with ``EventStoreError/streamTooLarge(_:)``.
  public var streamLimit = StreamLimit()
  /// How long an idempotency key lives from when it was kept; `nil` for as long as its stream. After that, a request that comes with
  /// the key again is carried out again. The highest numbers of senders that number their requests live as long as the
  /// stream in any case.
  public var keyLifetime: Duration?
  /// Where the time of events comes from: they bear what it says. Where it steps, so do they; their order is that of
  /// sequence numbers.
  public var clock: @Sendable () -> Timestamp = Timestamp.now
  /// Hears that the store's loop is alive.
  public var heartbeats = Heartbeats()

  /// The defaults.
  /// - Parameter partitionCount: 1 to 10,000; `nil` for what the store has, and 12 for a new one.
  public init(partitionCount: Partition? = nil) {
    self.partitionCount = partitionCount
  }

  /// Traps where the program asks for a number of partitions that no store has.
  package func checkPartitionCount() {
    if let partitionCount {
      precondition((1...10_000).contains(partitionCount), "a store has 1 to 10,000 partitions")
    }
  }
}
