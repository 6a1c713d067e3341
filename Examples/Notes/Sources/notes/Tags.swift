import Eventually

/// How many notes have a tag.
struct TagRow: CodableRow {
  static let table = "tags"
  var tag: String
  var notes = 0
  var key: String { tag }
}

/// The tags of a note, to take them back when it is removed.
struct TaggedRow: CodableRow {
  static let table = "tagged"
  var note: String
  var tags: [String] = []
  var key: String { note }
}

/// The read model: a pure function from events to rows.
struct Tags: ReadModel {
  let name = "tags"
  let schemaVersion = 1
  let tables: [any ReadModelRow.Type] = [TagRow.self, TaggedRow.self]

  func project(_ event: Persisted<String, Note.Event>, into rows: Rows) throws {
    guard case .tagged(let tag) = event.event else { return }
    try rows.update(TagRow.self, tag) { row in
      row = TagRow(tag: tag, notes: (row?.notes ?? 0) + 1)
    }
    try rows.update(TaggedRow.self, event.streamID) { row in
      row = TaggedRow(note: event.streamID, tags: (row?.tags ?? []) + [tag])
    }
  }

  func forget(_ note: String, in rows: Rows) throws {
    for tag in try rows.row(TaggedRow.self, note)?.tags ?? [] {
      try rows.update(TagRow.self, tag) { row in
        row?.notes -= 1
        if row?.notes == 0 { row = nil }
      }
    }
    try rows.delete(TaggedRow.self, note)
  }
}
