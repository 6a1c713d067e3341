extension LogEntry {
  /// The id of the event; `nil` where the entry does not tell it.
  package var eventID: EventID? {
    switch self {
    case .event(let persisted): persisted.id
    case .unreadable(let event): event.id
    case .removed, .erased, .other: nil
    }
  }
}
