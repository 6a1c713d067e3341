/// Decides for how long writers may be kept out while a write-ahead log is emptied. It does no work itself.
///
/// Before the log can be emptied, everybody who reads from it has to end; while nobody writes, whoever begins to read then
/// reads from the file. Readers that come and go end soon after writers are kept out. One that stays, a backup say, does not:
/// nobody is kept out for it. What tells them apart is whether more of the log could be brought into the file than the last
/// time.
struct LogHold {
  static let shortest = Duration.milliseconds(5)
  static let longest = Duration.milliseconds(320)

  /// What the next attempt may take where the log moves.
  private var next = shortest
  /// What the last one could take.
  private var last = Duration.zero
  private var brought: Int64?

  /// What was found when all that could be was brought into the file, beside readers and writers.
  /// - Parameters:
  ///   - isWhole: whether that is the whole log.
  ///   - brought: how much of the log is in the file.
  /// - Returns: for how long writers may be kept out; `nil` where the attempt would be in vain.
  mutating func observed(isWhole: Bool, brought: Int64) -> Duration? {
    let moves = brought != self.brought
    self.brought = brought
    if !moves { next = Self.shortest }
    last = moves || isWhole ? next : .zero
    if moves { next = min(next * 2, Self.longest) }
    return last == .zero ? nil : last
  }

  /// After an attempt in vain: until then, the next one would keep writers out for more than a fifth of the time.
  var pause: Duration { last * 4 }

  /// The log is empty.
  mutating func emptied() {
    self = LogHold()
  }
}
