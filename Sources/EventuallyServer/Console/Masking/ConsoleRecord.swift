import Eventually

/// Events and values as the console's answers have them: without what the asker may not see, and cut.
enum ConsoleRecord {
  /// A larger payload, as bytes of JSON, comes as its beginning.
  static let largest = 8 << 10
  private static let head = 2 << 10
  /// A larger value of a change comes as its beginning.
  private static let largestValue = 1 << 10
  /// A larger state comes as its beginning.
  private static let largestState = 1 << 20

  /// An event's record as an object.
  /// - Parameter members: writes further members.
  static func write(
    _ record: EventRecord, _ view: Masking.View, _ json: inout JSONWriter,
    _ members: (inout JSONWriter) -> Void = { _ in }
  ) {
    let shown = view.show(record.payload, ofStream: record.streamID)
    var masked = record
    masked.payload = shown.json.count > largest ? [] : shown.json
    RecordJSON.write(masked, &json) { json in
      if shown.json.count > largest { cut(shown.json, "dataCut", &json) }
      if !shown.masked.isEmpty { json.member("masked", shown.masked) }
      members(&json)
    }
  }

  /// What an event changed: the members `changes`, and `note` where there is something to say of it.
  static func write(
    _ step: StateChanges.Step, ofStream stream: String, _ view: Masking.View,
    _ json: inout JSONWriter
  ) {
    json.key("changes")
    json.beginArray()
    for change in step.changes {
      json.beginObject()
      json.member("path", change.path)
      if view.isMasked(path: change.path, ofStream: stream) {
        json.key("masked")
        json.bool(true)
      } else {
        for (name, value) in [("before", change.before), ("after", change.after)] {
          guard let value else { continue }
          json.key(named: name)
          if value.count > largestValue {
            json.string(beginning(value, largestValue) + "…")
          } else {
            json.raw(value)
          }
        }
      }
      json.endObject()
    }
    json.endArray()
    // It may quote the event.
    if let note = step.note, view.showsReasons(ofStream: stream) { json.member("note", note) }
  }

  /// A state: the member `state`, and `masked`.
  static func write(
    state: [UInt8]?, ofStream stream: String, _ view: Masking.View, _ json: inout JSONWriter
  ) {
    let shown = state.map { view.show($0, ofStream: stream) }
    if let shown, shown.json.count > largestState {
      json.key("state")
      json.null()
      cut(shown.json, "stateCut", &json)
    } else {
      json.key("state")
      if let shown, !shown.json.isEmpty { json.raw(shown.json) } else { json.null() }
    }
    json.member("masked", shown?.masked ?? [])
  }

  private static func cut(_ value: [UInt8], _ name: StaticString, _ json: inout JSONWriter) {
    json.key(name)
    json.beginObject()
    json.member("bytes", value.count)
    json.member("head", beginning(value, head))
    json.endObject()
  }

  private static func beginning(_ bytes: [UInt8], _ count: Int) -> String {
    String(decoding: bytes.prefix(count), as: UTF8.self)
  }
}
