import Eventually
import EventuallySQLite
import Orders

/// An order as JSON, written while its events are read: its lines are never in memory together. What the last event decides comes at
/// the end.
struct OrderPieces: ReplyPieces {
  private let id: String
  private var pages: SQLiteStreamPages
  private var state = Order().initialState
  private var version: Version = 0

  init(id: String, store: OrderStore) {
    self.id = id
    pages = store.log.pages(ofStream: id)
  }

  mutating func writeNext(_ json: inout JSONWriter) async throws -> Bool {
    let records = try await pages.next()
    guard version > 0 || !records.isEmpty else { throw OrderError.unknown(id) }
    for record in records {
      guard case .event(let persisted) = try record.entry(decodedBy: OrderEventCodec()) else {
        throw EventStoreError.unavailable("the order '\(id)' was removed while it was read")
      }
      do {
        try Order().apply(persisted.event, to: &state)
      } catch {
        throw RepositoryError.unappliable(version: record.position.version, cause: error)
      }
      if version == 0 { begin(&json) }
      version = record.position.version
      for line in state.lines {
        json.beginObject()
        OrderEventCodec.write(line, &json)
        json.endObject()
      }
      state.lines.removeAll(keepingCapacity: true)
    }
    guard pages.isAtEnd else { return true }
    json.endArray()
    json.member("status", state.status.rawValue)
    if let reason = state.cancellation { json.member("cancellation", reason) }
    json.key("total")
    json.plainString { state.total.append(to: &$0) }
    json.member("version", version)
    json.endObject()
    json.newline()
    return false
  }

  private func begin(_ json: inout JSONWriter) {
    json.beginObject()
    json.member("id", id)
    if let header = state.header { OrderEventCodec.write(header, &json) }
    json.key("items")
    json.beginArray()
  }
}

/// An order's events as a JSON array.
struct HistoryPieces: ReplyPieces {
  private let id: String
  private var pages: SQLiteStreamPages
  private var hasBegun = false

  init(id: String, log: SQLiteEventLog) {
    self.id = id
    pages = log.pages(ofStream: id)
  }

  mutating func writeNext(_ json: inout JSONWriter) async throws -> Bool {
    let records = try await pages.next()
    if !hasBegun {
      guard !records.isEmpty else { throw OrderError.unknown(id) }
      json.beginArray()
      hasBegun = true
    }
    for record in records {
      guard record.type != EventRecord.erasedType else {
        throw EventStoreError.unavailable("the order '\(id)' was removed while it was read")
      }
      OrderJSON.write(record, &json)
    }
    guard pages.isAtEnd else { return true }
    json.endArray()
    json.newline()
    return false
  }
}

/// A part of the event feed, one event a line: up to a limit, and about 4 MiB of payload.
struct EventPieces: ReplyPieces {
  private static let pageBytes = 128 << 10

  private let log: SQLiteEventLog
  private let scope: SQLiteEventLog.Scope
  private var after: UInt64
  private var left: Int
  private var bytesLeft = 4 << 20

  init(log: SQLiteEventLog, scope: SQLiteEventLog.Scope, after: UInt64, limit: Int) {
    self.log = log
    self.scope = scope
    self.after = after
    left = limit
  }

  mutating func writeNext(_ json: inout JSONWriter) async throws -> Bool {
    let limit = min(left, 512)
    let records = try await log.records(
      of: scope, after: after, limit: limit, bytes: min(bytesLeft, Self.pageBytes))
    var bytes = 0
    for record in records {
      OrderJSON.write(record, &json)
      json.newline()
      bytes += record.payload.count
    }
    guard let last = records.last else { return false }
    if case .partition = scope {
      after = last.position.partitionOffset
    } else {
      after = last.position.sequenceNumber
    }
    left -= records.count
    bytesLeft -= bytes
    // A page that is not full is the last.
    return left > 0 && bytesLeft > 0 && (records.count == limit || bytes >= Self.pageBytes)
  }
}
