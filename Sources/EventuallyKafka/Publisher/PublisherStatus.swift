public import Eventually

/// What a publisher is doing.
public struct PublisherStatus: Sendable, Hashable {
  /// The stages of a publisher's work.
  public enum Phase: String, Sendable, Hashable {
    /// Another process publishes the store's events; this one takes over when that one ends.
    case standby
    /// Connecting, looking at the topic, reading its end.
    case connecting
    /// Publishing what the store holds.
    case publishing
    /// Waiting to try again after a failure.
    case waiting
    /// The topic can't be published to, or it can't be told whether it may be; it looks again after a while.
    case blocked
    /// Ended.
    case stopped
  }

  /// What it is doing now.
  public var phase: Phase = .connecting {
    didSet { if phase != .standby { holder = nil } }
  }
  /// Who publishes the store's events instead, as the store told last; `nil` but in standby.
  public var holder: RelayHolder?
  /// The number of the term under which it publishes; `nil` where it does not, or nobody else can.
  public var epoch: UInt64?
  /// The sequence number up to which everything has been acknowledged.
  public var published: UInt64 = 0
  /// Whether the store has told up to where it was published.
  var isCursorKnown = false
  /// Records in the end of the topic that are not this store's, as it was read last.
  public var rejectedRecords: UInt64 = 0
  /// The failure that it waits after, or why the topic can't be published to.
  public var failure: String?
  /// The events whose records the broker refuses. Their partitions are published up to them; the others go on.
  public var refused: [RefusedEvent] = []
  /// Why the store could not note last how far it is published; `nil` where it could. Publishing goes on; a restart reads
  /// more of the topic's end.
  public var cursorFailure: String?
  /// How many records have been acknowledged since the start.
  public var acknowledged: UInt64 = 0
  /// How many events were found in the topic at the start and not published again.
  public var alreadyPublished: UInt64 = 0
}
