/// Points that every database of events passes.
extension FaultPoint {
  /// Events are durable in the store; neither the caller nor the relay knows of it.
  package static let storeCommitted = FaultPoint(
    "store.committed", "events are in the store; neither their caller nor the relay knows of it yet"
  )
  /// A stream's removal is durable; the store's files still have its events.
  package static let storeRemoved = FaultPoint(
    "store.removed",
    "a stream is removed; its caller does not know, and the store's log has its events")
}
