import Eventually

/// The store's events, those that there are, and then each that is appended.
struct EventStream: LiveSource {
  private static let pageBytes = 128 << 10

  private let log: any StoreLog
  /// The store's last sequence number, which the stream waits for.
  private let head: PositionSignal
  private let scope: LogScope
  /// All events up to this sequence number have been sent, or are not meant.
  private var after: UInt64

  /// - Parameters:
  ///   - scope: whose events are meant; of the whole store or of some partitions, so that sequence numbers tell their order.
  ///   - after: the sequence number after which to begin.
  init(
    log: any StoreLog, head: PositionSignal, scope: LogScope, after: UInt64
  ) {
    self.log = log
    self.head = head
    self.scope = scope
    self.after = after
  }

  mutating func write(_ events: inout EventWriter) async throws -> LiveProgress {
    // Before the events are read: all up to here are in the file.
    let known = head.position
    let records = try await log.records(
      of: scope, after: after, limit: 512, bytes: Self.pageBytes)
    guard let last = records.last else {
      after = max(after, known)
      return .nothing
    }
    for record in records {
      // Each event is a document of its own.
      var json = JSONWriter()
      RecordJSON.write(record, &json)
      events.event(id: "\(record.position.sequenceNumber)", data: json.bytes)
    }
    after = last.position.sequenceNumber
    return .something
  }

  func waitForMore() async {
    await head.wait(past: after)
  }
}
