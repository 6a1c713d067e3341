/// One build of a read model.
public struct Generation: Sendable, Hashable {
  /// Its number among the read model's generations; no other one ever has the same.
  public var number: Int
  /// Where it is: a file's path, or a schema's name.
  public var location: String
  /// The version of its tables.
  public var schemaVersion: Int
  /// What it was begun from, in words.
  public var origin: String
  /// When it was begun.
  public var created: Timestamp
  /// Whether it has never caught up with the store yet.
  public var isBuilding: Bool
  /// What a replay that is building it, or has built it, was asked for; `nil` where workers began it.
  public var replay: String?
  /// Whether it is the live one of its schema version.
  public var isLive: Bool
  /// What the replay has told of itself last; `nil` where none builds it, or one of an earlier version of this library.
  package var note: ReplayNote?

  /// A generation from its parts.
  public init(
    number: Int, location: String, schemaVersion: Int, origin: String, created: Timestamp,
    isBuilding: Bool, replay: String?, isLive: Bool
  ) {
    self.number = number
    self.location = location
    self.schemaVersion = schemaVersion
    self.origin = origin
    self.created = created
    self.isBuilding = isBuilding
    self.replay = replay
    self.isLive = isLive
  }
}

/// What a replay has told of itself, as it is stored.
package struct ReplayNote: Sendable, Hashable {
  /// A ``ReplayRecord`` as JSON.
  package var text: String
  /// How long ago, by the clock of the database.
  package var age: Duration

  package init(text: String, age: Duration) {
    self.text = text
    self.age = age
  }
}

/// What tells a generation's data from others that take their place under the same number.
public struct GenerationIdentity: Sendable, Hashable {
  private let parts: [UInt64]

  /// An identity that is another one where any part is.
  public init(_ parts: UInt64...) {
    self.parts = parts
  }
}

/// A live generation that is open for a worker.
public struct LiveGeneration<Event: Sendable>: Sendable {
  /// Its number.
  public var number: Int
  /// What tells it from the one that is live later.
  public var identity: GenerationIdentity?
  /// What events are applied to.
  public var store: any GenerationStore<Event>

  /// A generation from its parts.
  public init(number: Int, identity: GenerationIdentity?, store: any GenerationStore<Event>) {
    self.number = number
    self.identity = identity
    self.store = store
  }
}

/// One generation's rows and checkpoints, for workers, replays, and whoever repairs what is parked.
public protocol GenerationStore<Event>: ReadModelStore {
  /// Where it is, for messages: a file's path, or an address without its password.
  var location: String { get }

  /// How far each partition of the store is applied, as a list; 0 for nothing.
  func positions() async throws(ReadModelError) -> [UInt64]

  /// The partitions in which a process has ended while it worked on events, each with the last partition offset in doubt. Where a process
  /// works on them now, they are not listed.
  func crashedPartitions() async throws(ReadModelError) -> [Partition: UInt64]

  /// Takes over where the bus is likely to hold what comes next, for partitions of which that is not known here.
  func adoptOffsets(_ offsets: [Partition: Int64]) async throws(ReadModelError)

  /// Notes that the generation has caught up once: from now on it counts as built.
  func completeBuild() async throws(ReadModelError)

  /// The same, where every partition has been applied up to where the store was.
  /// - Returns: whether it counts as built.
  func completeBuild(through heads: [UInt64]) async throws(ReadModelError) -> Bool

  /// Keeps what a replay tells of itself, in place of what it has told before: each process that lists the generations sees it.
  func note(replay text: String) async throws(ReadModelError)

  /// Applies the events of a parked stream, all or none, and parks it no longer.
  /// - Returns: how many events were applied.
  /// - Throws: `ProjectionFailures` where one fails again: the stream stays parked as it was, with the new reason.
  func retryParked(_ streamID: String) async throws -> Int

  /// Tries the events of a parked stream, and leaves everything as it is.
  /// - Parameters:
  ///   - streamID: which one.
  ///   - limit: at most so many events are tried, from the first on.
  /// - Throws: ``ReadModelError/notParked(streamID:)``. That an event fails again is no error.
  func tryParked(_ streamID: String, limit: Int) async throws -> ParkedTrial

  /// Gives up the events of a parked stream for good, and parks it no longer. That they are missing is kept on record.
  /// - Returns: how many events were given up.
  func dropParked(_ streamID: String) async throws -> Int

  /// Has the workers park an event of an unknown type, once they come to it, with the later events of its stream.
  /// - Throws: ``ReadModelError/alreadyApplied(partition:position:)`` where the event was applied or parked before.
  func requestParking(of partition: Partition, at position: UInt64) async throws
}

/// What applying the events of a parked stream would do.
public struct ParkedTrial: Sendable, Hashable {
  /// How many events are parked.
  public var events: Int
  /// How many of them were tried; fewer where there are more than were to be tried, or one of them fails.
  public var tried: Int
  /// The rows that would be written; none where an event fails, since then nothing is applied.
  public var changes: [RowChange]
  /// The event that fails, and why.
  public var failure: ProjectionFailure?

  /// A trial from its parts.
  public init(
    events: Int, tried: Int, changes: [RowChange], failure: ProjectionFailure? = nil
  ) {
    self.events = events
    self.tried = tried
    self.changes = changes
    self.failure = failure
  }
}

/// Keeps everybody from writing to a live generation, until it is ended.
public protocol GenerationHold: Sendable {
  /// The generation's number.
  var generation: Int { get }

  /// How far each partition of the store is applied, as a list; 0 for nothing.
  nonisolated(nonsending) func positions() async throws(ReadModelError) -> [UInt64]

  /// Where the bus is likely to hold what comes next of each partition, where that is known.
  nonisolated(nonsending) func offsets() async throws(ReadModelError) -> [Partition: Int64]

  /// Makes another generation the live one, in one atomic step, and ends the hold.
  nonisolated(nonsending) func makeLive(_ generation: Int) async throws(ReadModelError)

  /// Ends the hold: others write again. Does nothing where it is ended.
  nonisolated(nonsending) func release() async
}
