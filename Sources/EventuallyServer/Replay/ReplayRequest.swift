package import Eventually

/// What a replay is asked for.
package struct ReplayRequest: Sendable, Hashable {
  /// Where it begins: `zero`, a savepoint's name, a sequence number or a time.
  package let from: String
  /// Where it ends: a sequence number or a time; `nil` for where the live generation is.
  package let to: String?
  private let start: ReplayStart
  private let end: PointInTime?

  /// - Throws: ``Failure`` with what is wrong with one of them.
  package init(from: String, to: String?) throws(Failure) {
    guard let start = ReplayStart(from) else {
      throw Failure(
        "--from '\(from)' is not zero, a savepoint's name, a sequence number or a time such as 2026-11-23T12:00:00Z"
      )
    }
    let end = to.flatMap { PointInTime($0) }
    if let to, end == nil {
      throw Failure("--to '\(to)' is not a sequence number or a time such as 2026-11-23T12:00:00Z")
    }
    (self.from, self.to, self.start, self.end) = (from, to, start, end)
  }

  /// The request in words that are the same when it is made again.
  package var text: String { "--from \(from)" + (to.map { " --to \($0)" } ?? "") }

  /// What a generation was asked for; `nil` where it was something else, as a repair.
  package init?(text: String) {
    guard text.hasPrefix("--from ") else { return nil }
    let parts = text.dropFirst("--from ".count).split(separator: " --to ", maxSplits: 1)
    guard let from = parts.first else { return nil }
    try? self.init(from: String(from), to: parts.count > 1 ? String(parts[1]) : nil)
  }

  /// Begins the replay, or goes on with it.
  /// - Returns: the replay, and the sequence number that it ends at; `nil` for where the live generation is.
  /// - Throws: ``Failure`` where the store ends before that, and what ``Replay`` throws.
  package func begin<Definition: ReadModelDefinition>(
    _ definition: Definition, in catalog: any ReadModelCatalog, log: any EventLog,
    options: ReplayOptions, source: ReplaySource<Definition.Model.Event>? = nil
  ) async throws -> (replay: Replay<Definition.Model>, end: UInt64?) {
    // Before anything is made: the store may end before that.
    var options = options
    let sequence = try await end?.sequenceNumber(in: log)
    if let sequence { options.end = try await log.heads(at: sequence) }
    let replay = try await Replay(
      text, in: catalog, model: definition.model, codec: definition.codec, log: log,
      options: options, source: source
    ) { try await start.base(in: catalog, log) }
    return (replay, sequence)
  }
}
