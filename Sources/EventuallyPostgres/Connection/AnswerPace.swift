/// Decides whether a caller's thread waits for an answer by itself, for about as long as to change to another thread and back takes: it
/// does where the answer before came as soon, as one does from a server on the same machine that looks something up. Commits, and
/// servers over a network, take longer: they are waited for on a thread that nobody shares.
struct AnswerPace {
  /// How long is waited.
  static let brisk = Duration.microseconds(100)

  /// Whether the next answer is likely to come within ``brisk``.
  private(set) var isBrisk = false

  /// An answer came after so much time.
  mutating func answered(after time: Duration) { isBrisk = time < Self.brisk }
}
