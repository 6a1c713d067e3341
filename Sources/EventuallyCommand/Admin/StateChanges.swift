import Eventually
import EventuallyServer

/// An entity's state, event by event, with what each event changed.
struct StateChanges {
  private var fold: any StateFold
  private var members: [(path: String, value: String)] = []
  /// A state of more bytes is not compared: each event would cost as much as all before it.
  private static let compared = 64 << 10
  private var isTooLarge = false
  /// Why the state is not the entity's: the first event that can't be read or applied.
  private(set) var failure: String?

  init(_ aggregate: RegisteredAggregate) {
    fold = aggregate.fold()
  }

  /// The state as JSON.
  func json() throws -> [UInt8] { try fold.json() }

  /// Applies the entity's next event. One that can't be read or applied changes nothing, and is told by ``failure``.
  mutating func apply(_ record: EventRecord) {
    do {
      try fold.apply(record)
    } catch {
      failure = failure ?? Self.failure(record, error)
    }
  }

  /// Applies the entity's next event.
  /// - Returns: what it changed, a line each; that it can't be applied, where it can't.
  mutating func changes(by record: EventRecord) -> [String] {
    do {
      try fold.apply(record)
      guard !isTooLarge else { return [] }
      let state = try fold.json()
      guard state.count <= Self.compared else {
        isTooLarge = true
        return ["from here on the state is too large to be compared"]
      }
      let next = try JSONMembers.list(state)
      defer { members = next }
      return Self.changes(from: members, to: next)
    } catch {
      let reason = Self.failure(record, error)
      failure = failure ?? reason
      return [reason]
    }
  }

  private static func failure(_ record: EventRecord, _ error: any Error) -> String {
    "the event at version \(record.position.version) can't be applied: \(error)"
  }

  private static func changes(
    from before: [(path: String, value: String)], to after: [(path: String, value: String)]
  ) -> [String] {
    let old = Dictionary(before, uniquingKeysWith: { $1 })
    let new = Dictionary(after, uniquingKeysWith: { $1 })
    var changes: [String] = []
    for (path, value) in after where old[path] != value {
      changes.append("\(path): \(old[path] ?? "-") → \(value)")
    }
    for (path, value) in before where new[path] == nil { changes.append("\(path): \(value) → -") }
    return changes
  }
}

/// The members of a JSON value, however deep they are, each by its path: `lines[2].sku`.
enum JSONMembers {
  static func list(_ bytes: [UInt8]) throws -> [(path: String, value: String)] {
    var members: [(path: String, value: String)] = []
    try add(bytes, at: "", to: &members)
    return members
  }

  private static func add(
    _ bytes: [UInt8], at path: String, to members: inout [(path: String, value: String)]
  ) throws {
    var reader = JSONReader(bytes.span)
    switch bytes.first {
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
    case UInt8(ascii: "\""): members.append((path, try reader.string()))
    default: members.append((path, String(decoding: bytes, as: UTF8.self)))
    }
  }
}
