import Eventually
import Foundation

/// The replay of a read model that a page shows: the last one, until its generation is live or gone.
struct ReplayState: Sendable {
  enum Phase: String {
    case applying, comparing, built, failed
    /// Its process has ended; the same replay goes on.
    case stopped
  }

  /// A replay that has told nothing of itself for so long has stopped; it does so each second.
  static let silence = Duration.seconds(10)

  let generation: Generation
  /// `nil` where it has told nothing yet.
  let record: ReplayRecord?
  let phase: Phase

  /// - Parameter generations: those of the read model, of all schema versions, in their order.
  init?(_ generations: [Generation], schemaVersion: Int) {
    let own = generations.filter { $0.schemaVersion == schemaVersion }
    // What was built before the live one is an old generation, and not a replay any more.
    guard let newest = own.last(where: { $0.replay != nil || $0.isLive }), !newest.isLive else {
      return nil
    }
    generation = newest
    record = newest.note.flatMap { ReplayRecord($0) }
    let age = newest.note?.age
    switch record?.state {
    case .live: return nil
    case _ where !newest.isBuilding: phase = .built
    case .failed: phase = .failed
    case .comparing: phase = age.map { $0 > Self.silence } == true ? .stopped : .comparing
    case .applying, .built, nil:
      phase = age.map { $0 > Self.silence } == true ? .stopped : .applying
    }
  }

  /// - Parameter masking: hides values of rows.
  func write(_ json: inout JSONWriter, masking: RowMasking) {
    json.beginObject()
    json.member("generation", generation.number)
    let request = generation.replay.flatMap { ReplayRequest(text: $0) }
    json.member("from", request?.from ?? generation.replay ?? "")
    if let to = request?.to { json.member("to", to) }
    json.member("state", phase.rawValue)
    if let why = record?.why { json.member("why", why.excerpt(1_000)) }
    json.member("applied", record?.applied ?? 0)
    json.member("total", record?.total ?? 0)
    json.member("elapsed", record?.elapsed ?? 0)
    json.member("rate", Int((record?.rate ?? 0).rounded()))
    json.member(
      "begun",
      (record.map { Timestamp(microseconds: Int64($0.begun.timeIntervalSince1970 * 1_000_000)) }
        ?? generation.created).description)
    json.member("by", record?.begunBy ?? "the command line")
    if let comparison = record?.comparison {
      json.key("comparison")
      Self.write(comparison, &json, masking)
    }
    json.endObject()
  }

  private static func write(
    _ comparison: ReplayRecord.Comparison, _ json: inout JSONWriter, _ masking: RowMasking
  ) {
    json.beginObject()
    json.member("live", comparison.live)
    json.member("events", comparison.events)
    json.member("differenceCount", comparison.differenceCount)
    json.member("rows", comparison.rows)
    json.member("liveRows", comparison.liveRows)
    json.member("digest", comparison.digest)
    json.member("liveDigest", comparison.liveDigest)
    json.key("columns")
    json.beginObject()
    for (table, names) in comparison.columns.sorted(by: { $0.key < $1.key }) {
      json.key(named: table)
      json.beginArray()
      for name in names { json.string(name) }
      json.endArray()
    }
    json.endObject()
    json.key("differences")
    json.beginArray()
    for difference in comparison.differences {
      let names = comparison.columns[difference.table] ?? []
      func write(_ values: [ReplayRecord.Value]?, from first: Int) {
        guard let values else { return json.null() }
        json.beginArray()
        for (index, value) in values.enumerated() {
          let name = first + index < names.count ? names[first + index] : ""
          masking.write(value.column, name, of: difference.table, &json)
        }
        json.endArray()
      }
      json.beginObject()
      json.member("table", difference.table)
      json.key("key")
      write(difference.key, from: 0)
      json.key("rebuilt")
      write(difference.rebuilt, from: difference.key.count)
      json.key("live")
      write(difference.live, from: difference.key.count)
      json.endObject()
    }
    json.endArray()
    json.endObject()
  }
}
