import Eventually

/// Something that is wrong with the pipeline, in words: what, why, and what to do.
struct Problem: Sendable, Equatable {
  enum Severity: String, Sendable, Comparable {
    case note, warning, wrong

    static func < (one: Severity, other: Severity) -> Bool { one.rank < other.rank }

    private var rank: Int {
      switch self {
      case .note: 0
      case .warning: 1
      case .wrong: 2
      }
    }
  }

  var severity: Severity
  /// What tells it from others while its words change.
  var id: String
  var what: String
  var why: String
  var todo: String
  /// The words of a command line, after the administrative command.
  var command: [String] = []
  /// The parts of a page of the console.
  var page: [String] = []
  /// Since when; the moment at which it was seen first, where nothing tells.
  var since: Timestamp?
  /// Whether others may follow from it, which come after it.
  var isCause = false
  /// It is told once it has been there for so long: what passes by itself is none.
  var grace = Duration.zero

  func write(_ json: inout JSONWriter) {
    json.beginObject()
    json.member("severity", severity.rawValue)
    json.member("what", what)
    json.member("why", why)
    json.member("todo", todo)
    if !command.isEmpty { json.member("command", command) }
    if !page.isEmpty { json.member("page", page) }
    if let since { json.member("since", since.description) }
    json.endObject()
  }
}

/// When each problem was seen first.
struct ProblemMemory {
  private var since: [String: Timestamp] = [:]

  /// The problems with since when they are there, the worst first, of these the causes, and then the oldest.
  mutating func dated(_ problems: [Problem], at now: Timestamp) -> [Problem] {
    var dated = problems
    for index in dated.indices {
      let known = since[dated[index].id]
      let told = dated[index].since ?? known ?? now
      // Clocks of two hosts tell the same moment a little differently each time.
      let isSame = known.map { abs($0.microseconds - told.microseconds) < 2_000_000 } ?? false
      dated[index].since = isSame ? known : told
    }
    since = Dictionary(
      dated.map { ($0.id, $0.since ?? now) }, uniquingKeysWith: { first, _ in first })
    return Self.sorted(dated, at: now).filter { problem in
      let age = now.microseconds - (problem.since ?? now).microseconds
      return Duration.microseconds(age) >= problem.grace
    }
  }

  /// Problems as ``dated(_:at:)`` sorts them.
  static func sorted(_ problems: [Problem], at now: Timestamp) -> [Problem] {
    problems.sorted {
      ($1.severity, $0.isCause ? 0 : 1, $0.since ?? now, $0.id)
        < ($0.severity, $1.isCause ? 0 : 1, $1.since ?? now, $1.id)
    }
  }
}
