/// Who a worker is, and how it works.
public struct ReadModelWorkerOptions: Sendable {
  /// What the worker calls itself in leases: unique among the workers of the read model.
  public var owner: String
  /// Beaten by the worker's loops.
  public var heartbeats = Heartbeats()
  /// When savepoints are saved; `nil` for never.
  public var savepoints: SavepointPolicy?
  /// The pauses after failures of the database or the subscription, which are tried again for as long as it takes.
  public var retry = RetryPolicy(firstPause: .milliseconds(100), longestPause: .seconds(5))
  /// For how long the database may fail until the worker leaves its partitions to others, which it does until the database answers;
  /// `nil` for ever.
  public var absence: Duration?
  /// How often, and after which pauses, an event that can't be projected is tried before its stream is parked.
  public var parking = RetryPolicy(
    attempts: 5, firstPause: .milliseconds(100), longestPause: .seconds(2))
  /// At most this many streams are parked; where more fail, nothing more is applied.
  public var parkingLimit = 10_000

  /// Options with the defaults.
  public init(owner: String) {
    self.owner = owner
  }
}
