extension Persisted where StreamID == String {
  /// The event with its stream's id in place of the name, which is one of the category's.
  package func named(in category: StreamCategory) -> Persisted {
    var persisted = self
    persisted.streamID = category.id(ofStream: streamID) ?? streamID
    return persisted
  }
}

extension LogEntry where StreamID == String {
  /// The entry with its stream's id in place of the name, which is one of the category's.
  package func named(in category: StreamCategory) -> LogEntry {
    func id(_ name: String) -> String { category.id(ofStream: name) ?? name }
    switch self {
    case .event(let persisted): return .event(persisted.named(in: category))
    case .removed(let name, let event, let position):
      return .removed(id(name), id: event, at: position)
    case .unreadable(var event):
      event.streamID = id(event.streamID)
      return .unreadable(event)
    case .erased, .other: return self
    }
  }
}
