import Eventually
import HTTPTypes
import ServiceLifecycle

/// What Server-Sent Events are made of.
protocol LiveSource: Sendable {
  /// Writes what there is, as far as it has not been written.
  mutating func write(_ events: inout EventWriter) async throws -> LiveProgress
  /// Returns when there may be more, or when the task is cancelled.
  func waitForMore() async
}

/// What a source of events had.
enum LiveProgress: Sendable, Hashable {
  case something
  case nothing
  /// Nothing follows.
  case end
}

/// Server-Sent Events: what there is, and then each event as it comes, until the client, the process or the source ends.
struct ServerSentEvents<Source: LiveSource>: ResponsePieces {
  private var source: Source
  /// How long nothing is sent at most: so that a client, and what is between, knows that the connection lives.
  private let heartbeat: Duration
  /// What is sent then.
  private let beat: String
  /// Given back when the stream ends.
  private let place: Budget.Share
  private var hasBegun = false

  init(
    _ source: Source, place: Budget.Share, heartbeat: Duration = .seconds(15),
    beat: String = ": still here\n\n"
  ) {
    self.beat = beat
    self.source = source
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
    // The client is gone.
    try Task.checkCancellation()
    if Task.isShuttingDownGracefully { return false }
    var events = EventWriter()
    let progress = try await source.write(&events)
    json.bytes += events.bytes
    switch progress {
    case .something: return true
    case .end: return false
    case .nothing: break
    }
    if await !waitForMore() { json.bytes += Array(beat.utf8) }
    return !Task.isShuttingDownGracefully
  }

  /// - Returns: whether there may be more than there was.
  private func waitForMore() async -> Bool {
    await cancelWhenGracefulShutdown { [source, heartbeat] in
      await withTaskGroup(of: Bool.self) { group in
        group.addTask {
          await source.waitForMore()
          return true
        }
        group.addTask {
          // It is cancelled where events come first.
          try? await Task.sleep(for: heartbeat)
          return false
        }
        defer { group.cancelAll() }
        return await group.next() ?? false
      }
    }
  }
}

/// Writes events as `text/event-stream` has them.
struct EventWriter: Sendable {
  static let contentType = "text/event-stream"
  static let lastEventID = HTTPField.Name("last-event-id")

  private(set) var bytes: [UInt8] = []

  /// - Parameters:
  ///   - name: what the event is called; `nil` for `message`.
  ///   - id: what a client that comes again has had last, in one line.
  ///   - data: JSON.
  mutating func event(_ name: String? = nil, id: String? = nil, data: some Sequence<UInt8>) {
    if let id { bytes += Array("id: \(id)\n".utf8) }
    if let name { bytes += Array("event: \(name)\n".utf8) }
    bytes += Array("data: ".utf8)
    let start = bytes.count
    bytes += data
    while bytes.count > start, bytes.last == 0x0A { bytes.removeLast() }
    // A line end would end the data; in JSON it can only stand where a space may.
    for index in start..<bytes.count where bytes[index] == 0x0A || bytes[index] == 0x0D {
      bytes[index] = 0x20
    }
    bytes += [0x0A, 0x0A]
  }

  /// Adds events that were written before.
  mutating func add(_ written: EventWriter) {
    bytes += written.bytes
  }
}

extension JSONResponse {
  /// Server-Sent Events, for as long as the asker listens.
  /// - Parameter place: given back when they end.
  init(events source: some LiveSource, place: Budget.Share) async throws {
    self = try await JSONResponse(pieces: ServerSentEvents(source, place: place))
    contentType = EventWriter.contentType
    isLive = true
  }
}
