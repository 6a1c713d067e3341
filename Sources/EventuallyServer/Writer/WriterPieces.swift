import Eventually
import HTTPTypes

/// An entity's events as a JSON array: all after a version, or a page of them.
struct HistoryPieces: ResponsePieces {
  private let id: String
  private let stream: String
  private let log: any StoreLog
  private let after: Version
  private let limit: Int?
  /// The address of the page after a version.
  private let link: @Sendable (Version) -> String
  private var pages: any StreamPages
  private var left: Int
  /// The entity's version.
  private var version: Version = 0
  private var hasBegun = false

  init(
    id: String, stream: String, log: any StoreLog, after: Version, limit: Int?,
    link: @escaping @Sendable (Version) -> String
  ) {
    self.id = id
    self.stream = stream
    self.log = log
    self.after = after
    self.limit = limit
    self.link = link
    left = limit ?? .max
    pages = log.pages(ofStream: stream, from: after + 1)
  }

  var headers: HTTPFields {
    var headers: HTTPFields = [.eTag: EntityTag(version: version).description]
    // Each version has one event.
    if let limit, let name = HTTPField.Name("Link"), version > after + Version(limit) {
      headers[name] = link(after + Version(limit))
    }
    return headers
  }

  mutating func writeNext(_ json: inout JSONWriter) async throws -> Bool {
    let records = try await pages.next()
    if !hasBegun {
      version = pages.lastVersion
      if version == 0 { version = try await log.version(ofStream: stream) }
      guard version > 0 else { throw RequestError(kind: .notFound, "there is no '\(id)'") }
      json.beginArray()
      hasBegun = true
    }
    for record in records.prefix(left) {
      guard record.type != EventRecord.erasedType else {
        throw EventStoreError.unavailable("'\(id)' was removed while it was read")
      }
      RecordJSON.write(record, &json)
    }
    left -= min(left, records.count)
    guard pages.isAtEnd || left == 0 else { return true }
    json.endArray()
    json.newline()
    return false
  }
}

/// A part of the event feed, one event a line: up to a limit, and about 4 MiB of payload.
struct EventPieces: ResponsePieces {
  private static let pageBytes = 128 << 10

  private let log: any StoreLog
  private let scope: LogScope
  private var after: UInt64
  private var left: Int
  private var bytesLeft = 4 << 20

  init(log: any StoreLog, scope: LogScope, after: UInt64, limit: Int) {
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
      RecordJSON.write(record, &json)
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
