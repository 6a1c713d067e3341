/// Points that every database of read models passes.
extension FaultPoint {
  /// A transaction on a read model is about to begin.
  package static let readModelApplying = FaultPoint(
    "readmodel.applying", "a batch is about to be applied; its transaction has not begun")
  /// A transaction's rows and checkpoints are written.
  package static let readModelApplied = FaultPoint(
    "readmodel.applied", "a batch's rows and checkpoints are written, and not committed")
  /// A transaction is committed.
  package static let readModelCommitted = FaultPoint(
    "readmodel.committed", "a batch is committed; its offsets are not, and nobody was told")
  /// An event is projected.
  package static let readModelProject = FaultPoint(
    "readmodel.project",
    "an event is projected: fail:TEXT makes it fail for streams whose id ends so; trap:, overflow: and allocate:TEXT end the process"
  )
}
