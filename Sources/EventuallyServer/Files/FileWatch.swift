/// Decides when files that belong together are read again, from what is seen of them each second.
///
/// A change is acted upon once it was seen twice in a row: until then, a file may be half written, or a key may not be there yet that
/// belongs to a new certificate.
struct FileWatch<Stamp: Sendable & Equatable>: Sendable {
  enum Action: Sendable, Equatable {
    case nothing
    case read
    /// The file with this index is gone. This is told once.
    case missing(Int)
  }

  /// What was read, or told to be missing. `nil` stands for a file that is not there.
  private var known: [Stamp?]
  private var changed: [Stamp?]?
  private var hasFailed = false

  /// - Parameter known: of the files, before they were read for the first time.
  init(known: [Stamp?]) {
    self.known = known
  }

  mutating func check(_ stamps: [Stamp?]) -> Action {
    guard stamps != known else {
      changed = nil
      guard hasFailed else { return .nothing }
      hasFailed = false
      return .read
    }
    guard stamps == changed else {
      changed = stamps
      return .nothing
    }
    known = stamps
    changed = nil
    hasFailed = false
    return stamps.firstIndex { $0 == nil }.map { .missing($0) } ?? .read
  }

  /// What was read can't be used. It is read again though it looks the same: what failed may be nothing of the file's own, such as
  /// who may read it, or descriptors that are used up.
  mutating func failed() { hasFailed = true }
}
