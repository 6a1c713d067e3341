import Eventually

/// What read models could not apply, as the page shows it.
struct ParkedFrame: Sendable {
  private struct Group: Hashable {
    var readModel: String
    var reason: ByteKey
  }

  private struct Sum {
    var streams = 0
    var events = 0
    var since: Timestamp
  }

  /// More of a list is not shown.
  static let listed = 50
  private static let masked = "(masked)"

  /// Whether an error's words and a record's bytes are shown for a stream: they may quote what is masked.
  private let showsWords: @Sendable (_ stream: String) -> Bool

  private var groups: [Group: Sum] = [:]
  private var streams: [(readModel: String, stream: ParkedStream)] = []
  private var rejected: [(readModel: String, record: RejectedRecord)] = []

  init(showsWords: @escaping @Sendable (_ stream: String) -> Bool) {
    self.showsWords = showsWords
  }

  private func reason(_ stream: ParkedStream) -> String {
    showsWords(stream.streamID) ? ParkedSelection.shown(stream.reason) : Self.masked
  }

  mutating func add(
    _ readModel: String, parked: [ParkedStream], rejected records: [RejectedRecord]
  ) {
    for stream in parked {
      let group = Group(readModel: readModel, reason: ByteKey(reason(stream)))
      var sum = groups[group] ?? Sum(since: stream.since)
      sum.streams += 1
      sum.events += stream.events
      sum.since = min(sum.since, stream.since)
      groups[group] = sum
    }
    streams += parked.map { (readModel, $0) }
    rejected += records.map { (readModel, $0) }
  }

  /// - Parameter changes: what was changed by the process.
  func write(_ json: inout JSONWriter, changes: [AuditLog.Entry]) {
    json.beginObject()
    json.key("groups")
    json.beginArray()
    let sorted = groups.sorted {
      ($1.value.streams, $0.value.since, $0.key.readModel)
        < ($0.value.streams, $1.value.since, $1.key.readModel)
    }
    for (group, sum) in sorted.prefix(Self.listed) {
      json.beginObject()
      json.member("readModel", group.readModel)
      json.member("reason", group.reason.text)
      json.member("streams", sum.streams)
      json.member("events", sum.events)
      json.member("since", sum.since.description)
      json.endObject()
    }
    json.endArray()
    json.key("streams")
    json.beginArray()
    let first = streams.sorted { $0.stream.since < $1.stream.since }.prefix(Self.listed)
    for (readModel, stream) in first {
      json.beginObject()
      json.member("readModel", readModel)
      json.member("stream", stream.streamID)
      json.member("partition", stream.partition)
      json.member("from", stream.firstPosition)
      json.member("since", stream.since.description)
      json.member("events", stream.events)
      json.member("reason", reason(stream))
      json.endObject()
    }
    json.endArray()
    json.key("hasMore")
    json.bool(streams.count > first.count || groups.count > Self.listed)
    json.key("rejected")
    json.beginArray()
    for (readModel, record) in rejected.prefix(Self.listed) {
      let key = String(decoding: record.key.prefix(200), as: UTF8.self)
      json.beginObject()
      json.member("readModel", readModel)
      json.member("partition", record.partition)
      json.member("offset", record.offset)
      json.member("bytes", record.size)
      json.member("key", key)
      json.member(
        "value",
        showsWords(key) ? String(decoding: record.value.prefix(400), as: UTF8.self) : Self.masked)
      json.member("reason", ParkedSelection.shown(record.reason))
      json.endObject()
    }
    json.endArray()
    json.key("changes")
    json.beginArray()
    for entry in changes.prefix(Self.listed) { entry.write(&json) }
    json.endArray()
    json.endObject()
  }
}
