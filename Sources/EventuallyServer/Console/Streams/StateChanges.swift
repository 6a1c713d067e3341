package import Eventually

/// An entity's state, event by event, with what each event changed.
package struct StateChanges: Sendable {
  /// What an event changed.
  package struct Step: Sendable, Hashable {
    package var changes: [StateChange] = []
    /// Why the event can't be applied, or its changes are not told.
    package var note: String?
  }

  private var fold: any StateFold
  /// Of the state before the next event; `nil` where they are to be listed anew.
  private var members: [JSONMembers.Member]? = []
  /// A state of more bytes is not compared: each event would cost as much as all before it.
  private static let compared = 64 << 10
  private var isTooLarge = false
  /// Why the state is not the entity's: the first event that can't be read or applied.
  package private(set) var failure: String?

  package init(_ aggregate: RegisteredAggregate) {
    fold = aggregate.fold()
  }

  /// The state as JSON.
  package func json() throws -> [UInt8] { try fold.json() }

  /// Applies the entity's next event. One that can't be read or applied changes nothing, and is told by ``failure``.
  package mutating func apply(_ record: EventRecord) {
    (members, isTooLarge) = (nil, false)
    do {
      try fold.apply(record)
    } catch {
      failure = failure ?? Self.failure(record, error)
    }
  }

  /// Applies the entity's next event, and tells what it changed.
  package mutating func changes(by record: EventRecord) -> Step {
    do {
      let before = isTooLarge ? nil : try members ?? Self.members(of: try fold.json())
      members = nil
      try fold.apply(record)
      guard !isTooLarge, let before, let after = try Self.members(of: try fold.json()) else {
        isTooLarge = true
        return Self.tooLarge
      }
      members = after
      return Step(changes: Self.changes(from: before, to: after))
    } catch {
      let reason = Self.failure(record, error)
      failure = failure ?? reason
      return Step(note: reason)
    }
  }

  /// Applies the entity's next event, and tells what it changed, and the state. A large state is written once.
  package mutating func state(after record: EventRecord) throws -> (step: Step, json: [UInt8]) {
    var before = self
    apply(record)
    let json = try fold.json()
    return (json.count > Self.compared ? Self.tooLarge : before.changes(by: record), json)
  }

  private static let tooLarge = Step(note: "the state is too large to be compared")

  private static func members(of state: [UInt8]) throws -> [JSONMembers.Member]? {
    state.count <= compared ? try JSONMembers.list(state) : nil
  }

  private static func failure(_ record: EventRecord, _ error: any Error) -> String {
    "the event at version \(record.position.version) can't be applied: \(error)"
  }

  private static func changes(
    from before: [JSONMembers.Member], to after: [JSONMembers.Member]
  ) -> [StateChange] {
    let old = Dictionary(before.map { ($0.path, $0.json) }, uniquingKeysWith: { $1 })
    let new = Set(after.map(\.path))
    return after.filter { old[$0.path] != $0.json }.map {
      StateChange(path: $0.path, before: old[$0.path], after: $0.json)
    } + before.filter { !new.contains($0.path) }.map { StateChange(path: $0.path, before: $0.json) }
  }
}

/// A member of a state that an event changed: each value is JSON, and none where there was, or is, no such member.
package struct StateChange: Sendable, Hashable {
  package var path: String
  package var before: [UInt8]?
  package var after: [UInt8]?

  package init(path: String, before: [UInt8]? = nil, after: [UInt8]? = nil) {
    self.path = path
    self.before = before
    self.after = after
  }

  /// The change as a line: `lines[2].sku: a → b`.
  package var line: String {
    "\(path): \(before.map(JSONMembers.text) ?? "-") → \(after.map(JSONMembers.text) ?? "-")"
  }
}

/// The members of a JSON value, however deep they are, each by its path: `lines[2].sku`. What has no members is one itself.
package enum JSONMembers {
  package typealias Member = (path: String, json: [UInt8])

  package static func list(_ json: [UInt8]) throws -> [Member] {
    var reader = JSONReader(json.span)
    // Without the white space around it.
    let value = reader.slice(try reader.skip())
    var members: [Member] = []
    try add(value, at: "", to: &members)
    return members
  }

  /// A value in words: a text without its quotes.
  package static func text(_ json: [UInt8]) -> String {
    var reader = JSONReader(json.span)
    guard json.first == UInt8(ascii: "\""), let text = try? reader.string() else {
      return String(decoding: json, as: UTF8.self)
    }
    return text
  }

  private static func add(_ json: [UInt8], at path: String, to members: inout [Member]) throws {
    var reader = JSONReader(json.span)
    switch json.first {
    case UInt8(ascii: "{"):
      try reader.beginObject()
      while let key = try reader.nextKey() {
        let name = reader.name(key)
        try add(
          reader.slice(try reader.skip()), at: path.isEmpty ? name : "\(path).\(name)", to: &members
        )
      }
    case UInt8(ascii: "["):
      try reader.beginArray()
      var index = 0
      while try reader.nextElement() {
        try add(reader.slice(try reader.skip()), at: "\(path)[\(index)]", to: &members)
        index += 1
      }
    default: members.append((path, json))
    }
  }
}
