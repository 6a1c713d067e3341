package import Eventually

/// A moment in a store's history.
package enum PointInTime: Sendable, Hashable {
  /// The moment at which the event with this sequence number was the last; 0 is before the first event.
  case sequence(UInt64)
  /// A time.
  case time(Timestamp)

  /// 2⁶² is beyond any sequence number that a store comes to.
  private static let lastSequence: UInt64 = 1 << 62

  /// A sequence number, a time such as `2026-11-23T12:00:00Z`, or a day, which stands for its beginning.
  package init?(_ text: String) {
    if text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) {
      guard let sequence = UInt64(text), sequence <= Self.lastSequence else { return nil }
      self = .sequence(sequence)
    } else if let time = Timestamp(text) ?? Timestamp("\(text)T00:00:00Z") {
      self = .time(time)
    } else {
      return nil
    }
  }

  /// The last sequence number of that moment.
  /// - Throws: ``Failure`` where the store has not come so far.
  package func sequenceNumber(in log: any EventLog) async throws -> UInt64 {
    switch self {
    case .time(let time): return try await log.sequenceNumber(at: time)
    case .sequence(let sequence):
      if sequence > 0 {
        let found = try await log.records(after: sequence - 1, limit: 1)
        guard !found.isEmpty else {
          throw Failure("the store ends before sequence number \(sequence)")
        }
      }
      return sequence
    }
  }
}

/// Where a replay begins.
package enum ReplayStart: Sendable, Hashable {
  case zero
  case savepoint(String)
  case moment(PointInTime)

  package init?(_ text: String) {
    if text == "zero" {
      self = .zero
    } else if let moment = PointInTime(text) {
      self = .moment(moment)
    } else if Savepoint.isValid(name: text) {
      self = .savepoint(text)
    } else {
      return nil
    }
  }

  /// The savepoint to begin from: the named one, or the newest that has nothing after the moment; `nil` for zero.
  package func base(
    in catalog: any ReadModelCatalog, _ log: any EventLog
  ) async throws -> Savepoint? {
    switch self {
    case .zero: return nil
    case .savepoint(let name):
      let savepoint = try await catalog.savepoint(name)
      guard savepoint.storeID == log.storeID else {
        throw ReadModelError.otherStore(
          location: savepoint.location, found: savepoint.storeID, expected: log.storeID)
      }
      guard savepoint.schemaVersion == catalog.schemaVersion else {
        throw ReadModelError.savepointSchemaVersion(
          name, found: savepoint.schemaVersion, expected: catalog.schemaVersion)
      }
      return savepoint
    case .moment(let moment):
      let sequence = try await moment.sequenceNumber(in: log)
      return try await catalog.newestSavepoint(
        atOrBefore: try await log.heads(at: sequence), of: log.storeID)
    }
  }
}
