/// An entity's state as it was after one of its events, in encoded form: a shortcut for loading, never the truth.
public struct Snapshot: Sendable, Hashable {
  /// The version of the event that the state is after.
  public var version: Version
  /// The sequence number of that event. A stream that was removed and begun anew has another one there.
  public var sequenceNumber: UInt64
  /// The version of the state's encoding; see ``SnapshotCodec/schemaVersion``.
  public var schemaVersion: Int
  /// The encoded state.
  public var payload: [UInt8]

  /// A snapshot from its parts.
  public init(version: Version, sequenceNumber: UInt64, schemaVersion: Int, payload: [UInt8]) {
    self.version = version
    self.sequenceNumber = sequenceNumber
    self.schemaVersion = schemaVersion
    self.payload = payload
  }
}

/// Keeps at most one snapshot of each stream.
public protocol SnapshotStore<StreamID>: Sendable {
  /// What names a stream.
  associatedtype StreamID: Hashable & Sendable

  /// The snapshot of a stream, where there is one.
  func snapshot(of streamID: StreamID) async throws(EventStoreError) -> Snapshot?

  /// Keeps a snapshot in place of an older one. It is passed over where its event is not in the stream any more.
  func save(_ snapshot: Snapshot, of streamID: StreamID) async throws(EventStoreError)
}

/// Encodes an aggregate's state for snapshots.
public protocol SnapshotCodec<State>: Sendable {
  /// What is encoded.
  associatedtype State: Sendable

  /// Raised whenever the state or its encoding changes, or the way in which events lead to it: snapshots of other versions
  /// are passed over, and the state comes from the events.
  var schemaVersion: Int { get }

  /// Appends the encoded state.
  func encode(_ state: State, into bytes: inout [UInt8]) throws

  /// Decodes a state.
  func decode(_ payload: Span<UInt8>) throws -> State
}

/// How a repository keeps snapshots.
///
/// They are taken where a load or a save finds that ``interval`` events have come since the last one. Whatever is wrong with
/// one, the state comes from the events; a snapshot that can't be saved fails nothing else.
public struct Snapshots<State: Sendable, StreamID: Hashable & Sendable>: Sendable {
  let store: any SnapshotStore<StreamID>
  let codec: any SnapshotCodec<State>
  /// How many events there are between snapshots of a stream.
  public let interval: UInt64
  private let onFailure: @Sendable (any Error) -> Void

  /// Snapshots every so many events.
  /// - Parameters:
  ///   - store: keeps snapshots.
  ///   - codec: encodes and decodes states.
  ///   - interval: at least 1.
  ///   - onFailure: called with the error of a snapshot that could not be saved, read or decoded.
  public init(
    in store: any SnapshotStore<StreamID>, codec: any SnapshotCodec<State>, every interval: UInt64,
    onFailure: @escaping @Sendable (any Error) -> Void = { _ in }
  ) {
    precondition(interval >= 1, "there is at least one event between two snapshots")
    self.store = store
    self.codec = codec
    self.interval = interval
    self.onFailure = onFailure
  }

  /// The newest state that is kept of a stream, and the event that it is after.
  func load(_ streamID: StreamID) async -> (state: State, snapshot: Snapshot)? {
    do {
      guard let found = try await store.snapshot(of: streamID),
        found.schemaVersion == codec.schemaVersion
      else { return nil }
      return (try codec.decode(found.payload.span), found)
    } catch {
      onFailure(error)
      return nil
    }
  }

  /// Events do not fit a state that was kept.
  func failed(_ error: any Error) { onFailure(error) }

  /// Keeps a state, where enough events have come since the last one that was kept.
  /// - Returns: whether it was kept.
  func saveWhereDue(
    _ state: State, of streamID: StreamID, at version: Version, sequenceNumber: UInt64,
    last: Version
  ) async -> Bool {
    guard version - last >= interval else { return false }
    do {
      var snapshot = Snapshot(
        version: version, sequenceNumber: sequenceNumber, schemaVersion: codec.schemaVersion,
        payload: [])
      try codec.encode(state, into: &snapshot.payload)
      try await store.save(snapshot, of: streamID)
      return true
    } catch {
      onFailure(error)
      return false
    }
  }
}
