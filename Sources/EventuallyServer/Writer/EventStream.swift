import Eventually
import EventuallySQLite
import Logging
import ServiceLifecycle

/// The store's events as Server-Sent Events: those that there are, and then each that is appended, until the client or the process ends.
struct EventStream: ResponsePieces {
  private static let pageBytes = 128 << 10

  private let log: SQLiteEventLog
  /// The store's last sequence number, which the stream waits for.
  private let head: PositionSignal
  private let scope: SQLiteEventLog.Scope
  private let heartbeat: Duration
  /// Given back when the stream ends.
  private let place: Budget.Share
  /// All events up to this sequence number have been sent, or are not meant.
  private var after: UInt64
  private var hasBegun = false

  /// - Parameters:
  ///   - scope: whose events are meant; of the whole store or of some partitions, so that sequence numbers tell their order.
  ///   - after: the sequence number after which to begin.
  ///   - heartbeat: how long nothing is sent at most: so that a client, and what is between, knows that the connection lives.
  init(
    log: SQLiteEventLog, head: PositionSignal, scope: SQLiteEventLog.Scope, after: UInt64,
    place: Budget.Share, heartbeat: Duration = .seconds(15)
  ) {
    self.log = log
    self.head = head
    self.scope = scope
    self.after = after
    self.place = place
    self.heartbeat = heartbeat
  }

  mutating func writeNext(_ json: inout JSONWriter) async throws -> Bool {
    guard hasBegun else {
      // At once, whether or not there are events. A client whose connection breaks comes again after a second.
      hasBegun = true
      json.bytes += Array("retry: 1000\n\n".utf8)
      return true
    }
    if Task.isShuttingDownGracefully { return false }
    // Before the events are read: all up to here are in the file.
    let known = head.position
    let records = try await log.records(
      of: scope, after: after, limit: 512, bytes: Self.pageBytes)
    guard let last = records.last else {
      after = max(after, known)
      if await waitForMore() { return !Task.isShuttingDownGracefully }
      json.bytes += Array(": still here\n\n".utf8)
      return !Task.isShuttingDownGracefully
    }
    for record in records { Self.write(record, &json) }
    after = last.position.sequenceNumber
    return true
  }

  /// - Returns: whether there are events that were not there before.
  private func waitForMore() async -> Bool {
    await cancelWhenGracefulShutdown { [head, after, heartbeat] in
      await withTaskGroup(of: Void.self) { group in
        group.addTask { await head.wait(past: after) }
        // It is cancelled where events come first.
        group.addTask { try? await Task.sleep(for: heartbeat) }
        await group.next()
        group.cancelAll()
      }
    }
    return head.position > after
  }

  private static func write(_ record: EventRecord, _ json: inout JSONWriter) {
    json.bytes += Array("id: \(record.position.sequenceNumber)\ndata: ".utf8)
    let start = json.bytes.count
    // Each event is a document of its own.
    var event = JSONWriter()
    RecordJSON.write(record, &event)
    json.bytes += event.bytes
    // A line end would end the data; in JSON it can only stand where a space may.
    for index in start..<json.bytes.count
    where json.bytes[index] == 0x0A || json.bytes[index] == 0x0D {
      json.bytes[index] = 0x20
    }
    json.bytes += Array("\n\n".utf8)
  }
}
