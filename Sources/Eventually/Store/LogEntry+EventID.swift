extension LogEntry {
  /// The id of the event.
  package var eventID: EventID {
    switch self {
    case .event(let persisted): persisted.id
    case .unreadable(let event): event.id
    case .removed(_, let id, _), .erased(let id, _), .other(let id, _): id
    }
  }
}
