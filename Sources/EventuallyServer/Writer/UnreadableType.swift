public import Eventually

/// A type of events in a store whose newest events this code can't decode: its form has changed without a new name, it seems.
///
/// What is appended from then on would stand under the same name in another form, and nothing could tell the two apart.
public struct UnreadableType: Error, Sendable, Hashable, CustomStringConvertible {
  /// The category of the events' streams; `nil` where it can't be one.
  public var category: StreamCategory?
  /// The name of the type.
  public var type: String
  /// Where the newest event that can't be decoded is.
  public var position: EventPosition
  /// Why it can't be decoded.
  public var reason: String

  /// The type, the difference, and what to do.
  public var description: String {
    let place = category.map { $0 == .unnamed ? "" : " of the category '\($0)'" } ?? ""
    return "the store's newest events of the type '\(type)'\(place) can't be decoded by this code, "
      + "the last of them at sequence number \(position.sequenceNumber): \(reason). Where the form of "
      + "these events was changed, give the new form a type name of its own, as '\(type).v2', and have the old one upcast (UpcastingCodec), or undo the "
      + "change. Where they are damaged, the writer takes --accept-unreadable-types"
  }
}

/// Finds event types of which the newest events can't be decoded, by what comes of the store's events in order.
struct TypeReadability: Sendable, Equatable {
  /// So many of a type's newest events decide, or all where there are fewer: one may be damaged.
  static let deciding = 3

  private struct Kind: Hashable {
    var category: StreamCategory?
    var type: ByteKey
  }
  private struct Tally: Equatable {
    var count = 0
    /// How many of the last ones in a row can't be decoded.
    var run = 0
    var last: UnreadableType?
  }
  private var tallies: [Kind: Tally] = [:]

  /// Takes the next event.
  /// - Parameter reason: why it can't be decoded; `nil` where it can.
  mutating func add(_ record: EventRecord, reason: String?) {
    let category = StreamCategory.of(stream: record.streamID)
    let kind = Kind(category: category, type: ByteKey(record.type))
    var tally = tallies[kind] ?? Tally()
    tally.count += 1
    tally.run = reason == nil ? 0 : tally.run + 1
    tally.last = reason.map {
      UnreadableType(
        category: category, type: record.type, position: record.position, reason: $0)
    }
    tallies[kind] = tally
  }

  /// Takes the next event, decoded here. One of an unknown type says nothing: newer code may be on its way.
  mutating func add(_ record: EventRecord, decodedBy codec: CategoriesCodec) {
    switch Result(catching: { try record.entry(decodedBy: codec) }) {
    case .success(.unreadable(let event)): add(record, reason: event.reason)
    case .success(.event): add(record, reason: nil)
    case .success, .failure: break
    }
  }

  /// The types, in order of where their newest events are.
  var unreadable: [UnreadableType] {
    tallies.values.filter { $0.run >= min(Self.deciding, $0.count) }.compactMap(\.last)
      .sorted { $0.position.sequenceNumber < $1.position.sequenceNumber }
  }
}
