#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif
import Synchronization

/// What is to happen at which ``FaultPoint``, in a process that has called ``enable()``.
///
/// The variable `EVENTUALLY_FAULTS` holds items such as `relay.produced=kill@3`, separated by commas: at the third
/// time that the point is passed (the first where no number is given) the process kills itself. The actions:
///
/// - `kill`: SIGKILL, as a power cut or an out-of-memory killer would end the process;
/// - `stop`: SIGSTOP, until somebody sends SIGCONT: a pause that the process does not know of;
/// - `hang`: the thread never goes on;
/// - `fail:TEXT`: what is done at the point fails for subjects that end with the text, each time;
/// - `trap:TEXT`, `overflow:TEXT`, `allocate:TEXT`: for such subjects the process traps, calls itself until its stack is exhausted, or
///   takes 2 GB of memory, and goes on where it may have them.
package final class FaultPlan: Sendable {
  /// What happens at a point.
  package enum Action: Sendable, Hashable {
    /// The process kills itself.
    case kill
    /// The process stops until it is told to go on.
    case stop
    /// The thread never goes on.
    case hang
    /// What is done fails for subjects with this end.
    case fail(suffix: String)
    /// For subjects with this end, the process ends in some way of its own making.
    case crash(Crash, suffix: String)
  }

  /// How a process ends by its own code.
  package enum Crash: String, Sendable, Hashable, CaseIterable {
    /// By a trap, as of arithmetic that runs over.
    case trap
    /// By a recursion without an end.
    case overflow
    /// By more memory than a limit allows: 2 GB.
    case allocate
  }

  /// One thing to happen.
  package struct Item: Sendable, Hashable {
    /// The point's name.
    package var point: String
    /// What happens there.
    package var action: Action
    /// When it is passed for which time.
    package var passage: Int
  }

  /// An item that can't be read.
  package struct ParseError: Error, Sendable, CustomStringConvertible {
    /// The item.
    package var item: String

    /// The message.
    package var description: String {
      "\(FaultPlan.variable): '\(item)' is not a known point, or not point=kill, stop, hang, or fail:, trap:, overflow: or allocate:text, with "
        + "@number or without"
    }
  }

  /// The environment variable.
  package static let variable = "EVENTUALLY_FAULTS"

  private static let isEnabled = Atomic(false)

  private static var text: String? {
    guard let text = getenv(variable).map({ String(cString: $0) }), !text.isEmpty else {
      return nil
    }
    return text
  }

  private static let fromEnvironment: FaultPlan? = {
    do {
      return try text.map { FaultPlan(try parse($0)) }
    } catch {
      // Whoever comes here without ``check(_:)`` uses the library without these executables.
      fatalError("\(error)")
    }
  }()

  /// From here on, this process does what the variable says. Without this call, which only programs that are to be tested
  /// so contain, the variable is ignored.
  package static func enable() { isEnabled.store(true, ordering: .relaxed) }

  /// The plan that the environment asks for; `nil` where it asks for none, or faults are not enabled.
  package static var current: FaultPlan? {
    isEnabled.load(ordering: .relaxed) ? fromEnvironment : nil
  }

  /// Checks what the environment asks for: a plan whose faults do not happen would prove nothing.
  /// - Returns: a warning, where it is ignored because faults are not enabled.
  /// - Throws: ``ParseError`` for an item that can't be read, or whose point is none of `points`.
  package static func check(_ points: [FaultPoint]) throws(ParseError) -> String? {
    try check(text, points, isEnabled: isEnabled.load(ordering: .relaxed))
  }

  static func check(
    _ text: String?, _ points: [FaultPoint], isEnabled: Bool
  ) throws(ParseError) -> String? {
    guard let text else { return nil }
    guard isEnabled else {
      return
        "\(variable) is set and ignored: this program does not enable fault injection (permitsFaultInjection)"
    }
    for item in try parse(text) where !points.contains(where: { $0.name == item.point }) {
      throw ParseError(item: item.point)
    }
    return nil
  }

  private let items: [Item]
  private let passages = Locked<[String: Int]>([:])

  init(_ items: [Item]) {
    self.items = items
  }

  /// Reads what the variable holds.
  package static func parse(_ text: String) throws(ParseError) -> [Item] {
    var items: [Item] = []
    for item in text.split(separator: ",") {
      let parts = item.split(separator: "=", maxSplits: 1)
      guard parts.count == 2 else { throw ParseError(item: String(item)) }
      if let action = subjectAction(parts[1]) {
        items.append(Item(point: String(parts[0]), action: action, passage: 1))
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

  /// An action on subjects with a certain end; `nil` for others.
  private static func subjectAction(_ text: Substring) -> Action? {
    let words = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
    guard words.count == 2 else { return nil }
    let suffix = String(words[1])
    if words[0] == "fail" { return .fail(suffix: suffix) }
    return Crash(rawValue: String(words[0])).map { .crash($0, suffix: suffix) }
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
    case .fail, .crash, nil: break
    }
  }

  func fails(_ point: String, for subject: String) -> Bool {
    for item in items where item.point == point {
      switch item.action {
      case .fail(let suffix) where subject.hasSuffix(suffix): return true
      case .crash(let crash, let suffix) where subject.hasSuffix(suffix): crash.happen()
      default: break
      }
    }
    return false
  }
}

extension FaultPlan.Crash {
  func happen() {
    switch self {
    case .trap: fatalError("made to trap by \(FaultPlan.variable)")
    case .overflow:
      var depth: UInt64 = 0
      Self.descend(&depth)
    case .allocate: Self.take(2 << 30)
    }
  }

  /// Each call has a number of its own, which the call below it changes: that keeps the optimizer from making it a loop.
  @inline(never)
  private static func descend(_ above: UnsafeMutablePointer<UInt64>) {
    guard above.pointee < .max else { return }
    var depth = above.pointee + 1
    descend(&depth)
    above.pointee = depth
  }

  /// Every page is written to, so that it counts. What malloc gives may be optimized away with it, where nobody reads it.
  private static func take(_ size: Int) {
    let memory = mmap(nil, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
    guard let memory, memory != MAP_FAILED else { fatalError("\(size) bytes can't be had") }
    memset(memory, 1, size)
    munmap(memory, size)
  }
}
