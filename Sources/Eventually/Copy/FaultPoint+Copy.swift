extension FaultPoint {
  /// The source of a copy is marked.
  package static let copyMarked = FaultPoint(
    "copy.marked", "a store that is moved takes no appends any more; its copy is not begun")
  /// The target of a copy is made.
  package static let copyBegun = FaultPoint(
    "copy.begun", "the copy of a store is begun, or about to be gone on with")
  /// A page of records is copied.
  package static let copyEvents = FaultPoint("copy.events", "a page of events is copied")
  /// A page of idempotency keys is copied.
  package static let copyKeys = FaultPoint("copy.keys", "a page of idempotency keys is copied")
  /// All is copied.
  package static let copyWritten = FaultPoint(
    "copy.written", "all of a store is copied, and not compared")
  /// Both stores are equal.
  package static let copyCompared = FaultPoint(
    "copy.compared", "a copy is equal to its store, and not finished")
  /// The copy can be used.
  package static let copyFinished = FaultPoint(
    "copy.finished", "the copy of a store is finished; its source is where it was")

  /// All points of a copy.
  package static let copy: [FaultPoint] = [
    copyMarked, copyBegun, copyEvents, copyKeys, copyWritten, copyCompared, copyFinished,
  ]
}
