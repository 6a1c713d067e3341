package import Eventually

extension FaultPoint {
  /// The store's log is about to be emptied after a removal.
  package static let storeErasing = FaultPoint(
    "store.erasing", "the store's log is about to be emptied of a removed stream's events")
  /// The store's log is empty after a removal.
  package static let storeErased = FaultPoint(
    "store.erased", "the store's log is emptied of a removed stream's events; that is not noted yet"
  )
  /// A generation or a savepoint has forgotten a stream that is removed later.
  package static let readModelForgotten = FaultPoint(
    "readmodel.forgotten",
    "a file of a read model has forgotten removed streams; what is left in its free parts is not overwritten"
  )

  /// All points of this module.
  package static let sqlite: [FaultPoint] = [
    storeCommitted, storeRemoved, storeErasing, storeErased, readModelApplying, readModelApplied,
    readModelCommitted, readModelProject, readModelForgotten, replayBuilt,
  ]
}
