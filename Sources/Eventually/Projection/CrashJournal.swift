/// Notes which event a process is about to work on, where the note outlives the process: so the next one knows which event
/// ended it.
///
/// A note costs one store to memory. It says nothing as long as the process lives; after its death (a trap, an exhausted stack,
/// SIGKILL by a memory limit) the next process that takes the partition goes through the events after the checkpoint one at a
/// time, and an event that ended ``CrashLimit/deaths`` processes is parked like one that the projection threw on.
public protocol CrashJournal: AnyObject, Sendable {
  /// An event of a partition is about to be decoded.
  /// - Returns: how many processes have ended while they decoded it, once that is too many: then it must not be decoded.
  ///   `nil` otherwise.
  func beginDecoding(_ partition: Partition, _ partitionOffset: UInt64) -> Int?

  /// The event was decoded, or refused with an error.
  func endDecoding(_ partition: Partition)
}

/// When an event is taken to be what ends processes.
///
/// A note can't tell a death by the event from one that comes from outside at the same moment. An innocent event is parked only where
/// so many processes in a row are killed from outside within the read model's code on that same event, which is microseconds for
/// most code; `parked retry` applies it then. Waiting for the database's lock, and committing, do not count.
public struct CrashLimit: Sendable, Hashable {
  /// How many processes in a row must have ended while they worked on the event and on nothing else.
  public var deaths: Int

  /// A limit of 1 to 255 deaths; what is outside is brought to the nearer end.
  public init(deaths: Int = 3) {
    self.deaths = min(max(deaths, 1), 255)
  }
}

/// What a process has noted about a partition: one word, so that no death can leave half of it.
public struct CrashMark: Sendable, Hashable {
  /// The last partition offset that is being worked on; 1 to 2⁵⁶ − 1.
  public var partitionOffset: UInt64
  /// For a single event, how many processes have begun to work on it in a row, this one included; 0 where several events are worked
  /// on together.
  public var attempts: Int

  /// A mark, `nil` where the offset is not in its range.
  public init?(_ partitionOffset: UInt64, attempts: Int) {
    guard (1..<1 << 56).contains(partitionOffset) else { return nil }
    self.partitionOffset = partitionOffset
    self.attempts = min(max(attempts, 0), 255)
  }

  /// The mark that a word stands for; `nil` for none.
  public init?(word: UInt64) {
    self.init(word & (1 << 56 - 1), attempts: Int(word >> 56))
  }

  /// The mark as a word; never 0.
  public var word: UInt64 { partitionOffset | UInt64(attempts) << 56 }
}

/// Decides how a partition's events are applied after a process has ended while it worked on them. It does no work itself.
public struct CrashRecovery: Sendable, Equatable {
  /// What is done with the next event.
  public enum Action: Sendable, Equatable {
    /// Note the mark, and apply the event in a transaction of its own.
    case apply(CrashMark)
    /// Park it with the later events of its stream: so many processes have ended on it.
    case park(deaths: Int)
    /// The event is beyond what is in doubt: from here on, events are applied in batches.
    case end
  }

  private let limit: CrashLimit
  private let suspect: CrashMark?
  /// The last partition offset in doubt.
  public let through: UInt64

  /// A recovery, where there is something to recover from.
  /// - Parameters:
  ///   - position: the partition offset that was applied last; 0 for never.
  ///   - applying: what the process that has ended was applying.
  ///   - decoding: what it was decoding.
  ///   - limit: when an event is taken to be what ends processes.
  public init?(
    after position: UInt64, applying: CrashMark?, decoding: CrashMark?,
    limit: CrashLimit = CrashLimit()
  ) {
    let marks = [applying, decoding].compactMap { $0 }.filter { $0.partitionOffset > position }
    guard let through = marks.map(\.partitionOffset).max() else { return nil }
    self.through = through
    self.limit = limit
    suspect = applying.flatMap { $0.partitionOffset > position && $0.attempts > 0 ? $0 : nil }
  }

  /// What is done with the event at a partition offset.
  public func next(_ partitionOffset: UInt64) -> Action {
    guard partitionOffset <= through else { return .end }
    let deaths = suspect?.partitionOffset == partitionOffset ? suspect?.attempts ?? 0 : 0
    guard deaths < limit.deaths, let mark = CrashMark(partitionOffset, attempts: deaths + 1) else {
      return .park(deaths: deaths)
    }
    return .apply(mark)
  }
}

/// Turns records into entries, and notes in a journal which one it is at.
package struct EntryDecoder<Codec: EventCodec>: Sendable {
  private let codec: Codec
  private let journal: (any CrashJournal)?

  /// A decoder that notes nothing where there is no journal.
  package init(_ codec: Codec, journal: (any CrashJournal)?) {
    self.codec = codec
    self.journal = journal
  }

  /// Whether an event must not be decoded, because decoding it has ended too many processes; the reason then.
  /// Otherwise what follows is noted as decoding it, until ``end(_:)``.
  package func begin(_ partition: Partition, _ partitionOffset: UInt64) -> String? {
    journal?.beginDecoding(partition, partitionOffset).map {
      "decoding it has ended the process \($0) times"
    }
  }

  /// The event was decoded, or refused with an error.
  package func end(_ partition: Partition) {
    journal?.endDecoding(partition)
  }

  /// The entry that a record stands for; ``LogEntry/unreadable(_:)`` where its payload can't be decoded.
  /// - Throws: ``EventStoreError/undecodable(position:type:cause:)`` where the codec does not know its type.
  package func entry(_ record: EventRecord) throws(EventStoreError) -> LogEntry<String, Codec.Event>
  {
    let position = record.position
    // What is not taken is not decoded, and has ended no process.
    if let reason = begin(position.partition, position.partitionOffset),
      codec.takes(stream: record.streamID)
    {
      return .unreadable(UnreadableEvent(record, reason: reason))
    }
    defer { end(position.partition) }
    return try record.entry(decodedBy: codec)
  }
}
