import Eventually

/// Which parked streams a change is about, and which part of them comes next.
struct ParkedSelection: Sendable {
  /// The streams of this part, in the order of their names' bytes.
  let streams: [ParkedStream]
  /// How many come after them.
  let left: Int

  /// - Parameters:
  ///   - parked: all that are parked.
  ///   - names: the streams that are meant; those that are not parked any more are passed over.
  ///   - reason: where no names are given, the reason that they are parked for.
  ///   - after: the last stream of the part before; `nil` for the first part.
  ///   - limit: how many a part has at most.
  init(
    of parked: [ParkedStream], names: [String]?, reason: String?, after: String?, limit: Int
  ) {
    let names = names.map { Set($0.map { ByteKey($0) }) }
    let wanted = parked.filter { stream in
      if let after, !after.isBefore(stream.streamID) { return false }
      if let names { return names.contains(ByteKey(stream.streamID)) }
      return reason.map { $0.hasSameBytes(as: Self.shown(stream.reason)) } ?? false
    }.sorted { $0.streamID.isBefore($1.streamID) }
    streams = Array(wanted.prefix(limit))
    left = wanted.count - streams.count
  }

  /// What is shown of a reason, and names it.
  static func shown(_ reason: String) -> String { reason.beginning(2_000) }
}

extension String {
  /// By its bytes: texts that are equal by `==` may be names of two streams.
  fileprivate func isBefore(_ other: String) -> Bool { utf8.lexicographicallyPrecedes(other.utf8) }
}
