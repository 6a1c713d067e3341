/// Why a store is not copied. What is at the target by then is unfinished, and can be gone on with.
package enum StoreCopyError: Error, Sendable, CustomStringConvertible {
  /// A store can't be opened.
  case notOpened(StoreOpenError)
  /// The source was moved to another place, or is about to be.
  case moved(String, to: String)
  /// The target is the source, or a copy that is finished, of which the source does not know.
  case sameStore(String, String)
  /// The target is another store.
  case otherStore(String, storeID: String)
  /// The target is an unfinished copy of another store.
  case otherCopy(String, storeID: String)
  /// The target is an unfinished copy of something else than the source is now.
  case diverged(String, String, at: UInt64)
  /// The target was begun by another version of the program.
  case otherVersion(String)
  /// The source is not what its writer wrote.
  case damaged(String, String)
  /// A record does not follow the one before it in its stream.
  case outOfOrder(String)
  /// The target's database can't hold something that the source has.
  case notHeld(String, String)
  /// The copy was read again, and is not what the source is.
  case differs(String, String, parts: [String])
  /// The copy can be used, and the source could not be given another name.
  case notRetired(String, String)
  /// A database failed.
  case failed(EventStoreError)
  /// The task was cancelled.
  case cancelled

  /// What is wrong, and what to do.
  package var description: String {
    let startAgain = "delete what is there, and begin again"
    return switch self {
    case .notOpened(let error): error.description
    case .moved(let source, let target):
      "the store \(source) was moved to \(target), or is about to be: go on with that, or have it take appends again "
        + "with --undo, if nothing has used the copy"
    case .sameStore(let source, let target):
      "\(source) and \(target) are the same store, or copies of one: name another place"
    case .otherStore(let target, let id):
      "there is a store at \(target) already, \(id): name another place"
    case .otherCopy(let target, let id):
      "at \(target) there is an unfinished copy of another store, \(id): name another place, or \(startAgain)"
    case .diverged(let source, let target, let head):
      "the unfinished copy \(target) has \(head) events that are not the first ones of \(source): \(startAgain)"
    case .otherVersion(let target):
      "the unfinished copy \(target) was begun by another version of this program: \(startAgain)"
    case .damaged(let source, let what):
      "the store \(source) is damaged (\(what)): it is not copied; put a backup in its place"
    case .outOfOrder(let what): what
    case .notRetired(let source, let reason):
      "the store was moved, and \(source) has still its name: \(reason)"
    case .notHeld(let target, let what): "\(target) can't hold what the store has: \(what)"
    case .differs(let source, let target, let parts):
      "\(target) differs from \(source) in \(parts.joined(separator: " and ")): it is not used; \(startAgain)"
    case .failed(let error): error.description
    case .cancelled: "stopped before the end; run it again to go on"
    }
  }
}
