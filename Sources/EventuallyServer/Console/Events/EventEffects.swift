import Eventually

/// Gathers what followed from an event, and from that in turn, while the events after it are read in order: an event names the one that it
/// follows from, which comes before it.
struct EventEffects {
  /// At most so many events are gathered.
  static let limit = 500
  /// At most so many steps away.
  static let depth = 12

  /// An event that followed.
  struct Effect: Equatable {
    var event: EventSummary
    var effects: [Effect]
  }

  private struct Node {
    var event: EventSummary
    var level: Int
    var children: [Int] = []
  }

  private var nodes: [Node] = []
  private var roots: [Int] = []
  /// The events whose effects are gathered, by id: their places among the nodes, and -1 for the event itself.
  private var places: [String: Int]

  init(of id: EventID) {
    places = [id.description: -1]
  }

  /// Whether no more are gathered.
  var isFull: Bool { nodes.count >= Self.limit }

  /// Takes the next event in the store's order.
  mutating func take(_ record: EventRecord) {
    guard let cause = record.metadata.causationID, let parent = places[cause], !isFull else {
      return
    }
    let level = parent < 0 ? 1 : nodes[parent].level + 1
    guard level <= Self.depth else { return }
    nodes.append(Node(event: EventSummary(record), level: level))
    let place = nodes.count - 1
    if parent < 0 { roots.append(place) } else { nodes[parent].children.append(place) }
    places[record.id.description] = place
  }

  /// What followed, each with what followed from it.
  var effects: [Effect] { roots.map(effect) }

  private func effect(_ place: Int) -> Effect {
    Effect(event: nodes[place].event, effects: nodes[place].children.map(effect))
  }
}

/// What lists show of an event.
struct EventSummary: Sendable, Equatable {
  var id: EventID
  var type: String
  var stream: String
  var position: EventPosition
  var time: Timestamp

  init(_ record: EventRecord) {
    (id, type, stream) = (record.id, record.type, record.streamID)
    (position, time) = (record.position, record.time)
  }

  /// Writes the members of an object.
  func writeMembers(_ json: inout JSONWriter) {
    json.member("id", id.description)
    json.member("type", type)
    json.member("stream", stream)
    json.member("version", position.version)
    json.member("sequenceNumber", position.sequenceNumber)
    json.member("time", time.description)
  }
}

extension EventEffects.Effect {
  func write(_ json: inout JSONWriter) {
    json.beginObject()
    event.writeMembers(&json)
    json.key("effects")
    json.beginArray()
    for effect in effects { effect.write(&json) }
    json.endArray()
    json.endObject()
  }
}
