#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// What is to happen at which ``FaultPoint``.
///
/// The variable `EVENTUALLY_FAULTS` holds items such as `relay.produced=kill@3`, separated by commas: at the third
/// time that the point is passed (the first where no number is given) the process kills itself. The actions:
///
/// - `kill`: SIGKILL, as a power cut or an out-of-memory killer would end the process;
/// - `stop`: SIGSTOP, until somebody sends SIGCONT: a pause that the process does not know of;
/// - `hang`: the thread never goes on;
/// - `fail:TEXT`: what is done at the point fails for subjects that end with the text, each time.
public final class FaultPlan: Sendable {
  /// What happens at a point.
  public enum Action: Sendable, Hashable {
    /// The process kills itself.
    case kill
    /// The process stops until it is told to go on.
    case stop
    /// The thread never goes on.
    case hang
    /// What is done fails for subjects with this end.
    case fail(suffix: String)
  }

  /// One thing to happen.
  public struct Item: Sendable, Hashable {
    /// The point's name.
    public var point: String
    /// What happens there.
    public var action: Action
    /// When it is passed for which time.
    public var passage: Int
  }

  /// An item that can't be read.
  public struct ParseError: Error, Sendable, CustomStringConvertible {
    /// The item.
    public var item: String

    /// What is wrong, for people.
    public var description: String {
      "\(FaultPlan.variable): '\(item)' is not a known point, or not point=kill, stop, hang or fail:text with "
        + "@number or without"
    }
  }

  /// The environment variable.
  public static let variable = "EVENTUALLY_FAULTS"
  /// The plan that the environment asks for; `nil` where it asks for none.
  public static let current: FaultPlan? = {
    guard let text = getenv(variable).map({ String(cString: $0) }), !text.isEmpty else {
      return nil
    }
    do {
      return FaultPlan(try parse(text))
    } catch {
      // Whoever comes here without ``check(_:)`` uses the library without these executables.
      fatalError("\(error)")
    }
  }()

  /// Checks what the environment asks for: a plan whose faults do not happen would prove nothing.
  /// - Throws: ``ParseError`` for an item that can't be read, or whose point is none of `points`.
  public static func check(_ points: [FaultPoint]) throws(ParseError) {
    guard let text = getenv(variable).map({ String(cString: $0) }) else { return }
    for item in try parse(text) where !points.contains(where: { $0.name == item.point }) {
      throw ParseError(item: item.point)
    }
  }

  private let items: [Item]
  private let passages = Locked<[String: Int]>([:])

  init(_ items: [Item]) {
    self.items = items
  }

  /// Reads what the variable holds.
  public static func parse(_ text: String) throws(ParseError) -> [Item] {
    var items: [Item] = []
    for item in text.split(separator: ",") {
      let parts = item.split(separator: "=", maxSplits: 1)
      guard parts.count == 2 else { throw ParseError(item: String(item)) }
      if parts[1].hasPrefix("fail:") {
        items.append(
          Item(
            point: String(parts[0]), action: .fail(suffix: String(parts[1].dropFirst(5))),
            passage: 1))
        continue
      }
      let words = parts[1].split(separator: "@", omittingEmptySubsequences: false)
      let actions: [Substring: Action] = ["kill": .kill, "stop": .stop, "hang": .hang]
      guard words.count <= 2, let action = actions[words[0]],
        let passage = words.count == 2 ? Int(words[1]) : 1, passage >= 1
      else { throw ParseError(item: String(item)) }
      items.append(Item(point: String(parts[0]), action: action, passage: passage))
    }
    return items
  }

  /// What is due at this passage of a point.
  func due(_ point: String) -> Action? {
    guard items.contains(where: { $0.point == point }) else { return nil }
    let passage = passages.withLock { passages in
      passages[point, default: 0] += 1
      return passages[point, default: 0]
    }
    return items.first { $0.point == point && $0.passage == passage }?.action
  }

  func pass(_ point: String) {
    switch due(point) {
    // To this thread, which then does not get a step further; one that is sent to the process may reach it later.
    case .kill: raise(SIGKILL)
    case .stop: raise(SIGSTOP)
    case .hang: while true { pause() }
    case .fail, nil: break
    }
  }

  func fails(_ point: String, for subject: String) -> Bool {
    items.contains { item in
      guard item.point == point, case .fail(let suffix) = item.action else { return false }
      return subject.hasSuffix(suffix)
    }
  }
}
