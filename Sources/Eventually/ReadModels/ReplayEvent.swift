/// Where a replay ends, and how it works.
public struct ReplayOptions: Sendable {
  /// Where the new generation ends: partition offsets, one for each partition of the store. It is not compared and not made live then.
  /// `nil` for where the live generation is, or for the store's end where there is none.
  public var end: [UInt64]?
  /// Whether the new generation becomes the live one; `end` must be `nil`.
  public var isSwitching = true
  /// Whether the live generation may be beyond the store, as one is to which a forged event was applied: the new one ends where the
  /// store does.
  public var isRepair = false
  /// How many workers share the partitions.
  public var workers = 1
  /// At most so many of the rows that differ are told.
  public var differenceLimit = 10
  /// Who has begun it, for whoever looks at it: a person's name, or a program's.
  package var begunBy = "the command line"

  /// A replay that takes the live generation's place.
  public init() {}

  var goal: CatchUp.Goal { end.map { .positions($0) } ?? .live(switching: isSwitching) }
}

/// What a replay tells while it runs.
public enum ReplayEvent: Sendable {
  /// It begins or goes on with its generation, which has so many events in it.
  case began(isResumed: Bool, origin: String, events: UInt64)
  /// A repair found the live generation beyond the store's end in a partition.
  case liveBeyondStore(live: Int, partition: Partition, position: UInt64, head: UInt64)
  /// Events are being applied.
  case applying(ReplayProgress)
  /// Events have been applied.
  case applied(ReplayProgress)
  /// The new generation was compared with the live one.
  case compared(ReplayComparison)
  /// The new generation was further than the live one already, and could not be compared.
  case notCompared(live: Int)
  /// The new generation has parked events; at most ten of their streams are told.
  case parked(events: Int, streams: [ParkedStream])
}

/// What comparing a new generation with the live one came to, both at the same positions.
public struct ReplayComparison: Sendable, Hashable {
  /// The live generation's number.
  public var live: Int
  /// How many events both have applied.
  public var events: UInt64
  /// How many rows differ.
  public var differenceCount: Int
  /// The first of them, as many as ``ReplayOptions/differenceLimit`` says; the new generation's rows are the expected ones.
  public var differences: [RowDifference]
  /// The digest of the live generation.
  public var liveDigest: String
  /// How many rows the live generation has.
  public var liveRows: Int
  /// The digest of the new generation.
  public var digest: String
  /// How many rows the new generation has.
  public var rows: Int
}

/// What a replay came to.
public enum ReplayOutcome: Sendable, Hashable {
  /// The generation is live. The one that was live before is kept; `nil` where there was none.
  case live(replaced: Int?)
  /// The generation was made live when an earlier run was killed: nothing was left to do.
  case alreadyLive
  /// The generation is built, and not live.
  case built
}

extension FaultPoint {
  /// A replay has made its generation live, or is about to leave it as it is.
  package static let replayBuilt = FaultPoint(
    "replay.built",
    "a replay's generation is built, and live where it is to be; that is not noted yet")
}
