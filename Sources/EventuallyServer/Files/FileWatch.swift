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

  /// - Parameter known: of the files, before they were read for the first time.
  init(known: [Stamp?]) {
    self.known = known
  }

  mutating func check(_ stamps: [Stamp?]) -> Action {
    guard stamps != known else {
      changed = nil
      return .nothing
    }
    guard stamps == changed else {
      changed = stamps
      return .nothing
    }
    known = stamps
    changed = nil
    return stamps.firstIndex { $0 == nil }.map { .missing($0) } ?? .read
  }
}
