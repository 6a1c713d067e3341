/// Decides whether a store may be copied to a place, and from where on. It does no work itself.
package enum CopyAdmission: Sendable, Hashable {
  /// Make a new store.
  case begin
  /// Go on with what was begun.
  case resume(after: UInt64)
  /// The store was moved there before.
  case alreadyMoved

  /// - Parameters:
  ///   - storeID, partitionCount, head: what the source is.
  ///   - movedTo: the mark of the source.
  ///   - event: the id of the source's event with the sequence number of the target's last one; `nil` for none.
  ///   - state: what is at the target.
  ///   - locations: where both are.
  static func decide(
    storeID: String, partitionCount: Partition, head: UInt64, movedTo: String?, event: EventID?,
    target state: CopyTargetState, from source: String, to target: String
  ) throws(StoreCopyError) -> CopyAdmission {
    if let movedTo, movedTo != target { throw .moved(source, to: movedTo) }
    switch state {
    case .nothing: return .begin
    case .store(let id):
      guard id == storeID else { throw .otherStore(target, storeID: id) }
      guard movedTo == target else { throw .sameStore(source, target) }
      return .alreadyMoved
    case .unfinished(let id, let partitions, let copied, let last):
      guard id == storeID else { throw .otherCopy(target, storeID: id) }
      guard partitions == partitionCount, copied <= head, copied == 0 || last == event else {
        throw .diverged(source, target, at: copied)
      }
      return .resume(after: copied)
    }
  }
}
