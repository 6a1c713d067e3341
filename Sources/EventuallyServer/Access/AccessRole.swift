/// What somebody may do who asks an interface. Each role may do what those before it may.
public enum AccessRole: String, Sendable, Hashable, CaseIterable, Comparable {
  /// Ask for health, metrics, and the interface's description: no token is needed.
  case anyone
  /// Read states, events and rows.
  case read
  /// Give commands.
  case write
  /// Do what can't be undone or what is about the whole: erase entities.
  case administer

  /// The roles that a token may have.
  static let ofTokens = allCases.filter { $0 != .anyone }

  /// Whether a role may do less than another one.
  public static func < (a: AccessRole, b: AccessRole) -> Bool { a.rank < b.rank }

  private var rank: Int {
    switch self {
    case .anyone: 0
    case .read: 1
    case .write: 2
    case .administer: 3
    }
  }
}
