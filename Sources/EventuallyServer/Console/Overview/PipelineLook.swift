import Eventually
import EventuallyKafka

/// What a process sees of the pipeline at a moment. A part is `nil` where the process has no source for it, or could not read it.
struct PipelineLook: Sendable {
  var time = Timestamp.now()
  var at = ContinuousClock.now
  var process: Process
  var store: Store?
  var relay: Relay?
  var readModels: [ReadModel] = []
  /// The newest events, the newest first.
  var latest: [EventRecord] = []
  /// What could not be read, and why.
  var failures: [Failure] = []
  /// When the certificate that the process shows expires.
  var certificateExpiry: Timestamp?
  /// Whether files of tokens or certificates have changed and can't be used.
  var isReloadFailing = false

  struct Failure: Sendable {
    var what: String
    var why: String
    var todo = "See that its database answers, and that this process may read it"
  }

  /// This process.
  struct Process: Sendable {
    var name: String
    var kind: String
    var host: String
    var started: Timestamp
    var memory: UInt64
    /// Time that processors have spent on it, in seconds.
    var cpu: Double
    /// Why its commands are refused.
    var reasons: [String] = []
  }

  struct Store: Sendable {
    var id: String
    var kind: String
    var head: UInt64
    /// The last partition offset of each partition.
    var heads: [UInt64]
    var streams: Int?
    var bytes: UInt64?
    /// Why it can't be written.
    var writeFailure: String?
    var erasures = PendingErasures()
    /// Appends that were refused since the process began.
    var conflicts: UInt64?
  }

  struct Relay: Sendable {
    /// Who publishes; `nil` where nobody does, or it is not known.
    var publisher: String?
    /// What this process's publisher is doing; `nil` where it has none.
    var phase: PublisherStatus.Phase?
    var epoch: UInt64?
    var published: UInt64
    var failure: String?
    var cursorFailure: String?
    var refused: [RefusedEvent] = []
    /// Whether the broker refuses events, of which a process that asks another one has no list.
    var isRefusing = false
    var topic: String?
    /// The brokers' addresses; `nil` where this process does not know them.
    var brokers: String?
    /// Since when nothing was published though something waits; see ``RelayProgress``.
    var standsSince: Timestamp?

    /// Whether nothing gets to the topic though this or another process is to publish.
    func isStanding(at now: Timestamp) -> Bool {
      let isRefused = isRefusing || !refused.isEmpty
      switch phase {
      case .blocked, .waiting, .stopped: return true
      case .publishing, .connecting:
        // A publisher tells of a failure once nothing was acknowledged for some seconds, and of an event that is refused.
        if failure != nil, !isRefused { return true }
      case .standby where publisher == nil: return false
      case .standby, nil: break
      }
      guard !isRefused, let standsSince else { return false }
      return now.microseconds - standsSince.microseconds >= 5_000_000
    }
  }

  struct ReadModel: Sendable {
    var name: String
    var generation: Int?
    var isBuilding = false
    var checkpoints: [CheckpointStatus] = []
    var unapplied = UnappliedCounts()
    var removals = PendingRemovals(count: 0)
    /// By partition, where a forged event was applied.
    var forged: [Partition: UInt64] = [:]
    /// The workers that have reported; `nil` where none can.
    var workers: [ReportedWorker]?
    /// When the first event was appended that is not applied; `nil` where all are, or it is not known.
    var firstUnapplied: Timestamp?
    /// Whether its lag has grown for a minute.
    var isRising = false
    /// Events that are applied in a second; `nil` where that is not known.
    var rate: Double?

    /// The sum of the positions: it grows by each event that is applied.
    var applied: UInt64 { checkpoints.reduce(0) { $0 &+ ($1.position ?? 0) } }

    /// How many events of the store are not applied; `nil` without the store.
    func lag(_ store: Store?) -> UInt64? {
      guard let store else { return nil }
      let positions = checkpoints.positions(of: Partition(store.heads.count))
      return zip(store.heads, positions).reduce(0) { $0 &+ ($1.0 - min($1.0, $1.1)) }
    }
  }

  /// Workers are called late, and then silent, when they have not reported for so long.
  static let (late, silent) = (Duration.seconds(2), Duration.seconds(5))
}
