import Eventually
import Testing

@testable import EventuallyPostgres

/// Callers that append to stores, and repeat by its key what was not answered.
final class RepeatedAppends: Sendable {
  /// How many there are for each store.
  private static let callers = 4

  private let isOver = Locked(false)
  let acknowledged = Locked(0)
  let unanswered = Locked(0)

  var isGoingOn: Bool { !isOver.withLock { $0 } }

  /// Appends two events at a time, for as long as `meanwhile` goes on.
  /// - Returns: what was answered to each key.
  func run(
    on stores: [TextStore], _ meanwhile: @Sendable () async throws -> Void
  ) async throws -> [String: AppendResult?] {
    try await withThrowingTaskGroup(of: [String: AppendResult?].self) { group in
      for (number, store) in stores.enumerated() {
        for caller in 0..<Self.callers {
          group.addTask { try await self.append(to: store, "\(number) \(caller)", from: caller) }
        }
      }
      do {
        try await meanwhile()
      } catch {
        isOver.withLock { $0 = true }
        throw error
      }
      isOver.withLock { $0 = true }
      return try await group.reduce(into: [:]) { $0.merge($1) { first, _ in first } }
    }
  }

  /// Waits until so many more are acknowledged.
  func wait(forMore count: Int) async throws {
    let enough = acknowledged.withLock { $0 } + count
    try await until("commands are acknowledged") { self.acknowledged.withLock { $0 } >= enough }
  }

  private func append(
    to store: TextStore, _ name: String, from first: Int
  ) async throws -> [String: AppendResult?] {
    var results: [String: AppendResult?] = [:]
    var request = 0
    while isGoingOn {
      let key = "\(name) \(request)"
      do {
        let result = try await store.append(
          ["a", "b"], to: "s\((request + first) % 5)", expecting: .any,
          idempotencyKey: IdempotencyKey(key))
        results[key] = result.last.map { AppendResult(last: $0) }
        request += 1
        acknowledged.withLock { $0 += 1 }
      } catch {
        guard case .unavailable = error else { throw error }
        unanswered.withLock { $0 += 1 }
        try await Task.sleep(for: .milliseconds(20))
      }
    }
    return results
  }

  /// Each answer is true of what the store has, and each request was carried out once.
  /// - Returns: the store's events.
  static func check(
    _ results: [String: AppendResult?], in store: TextStore, of stores: Int
  ) async throws -> [EventRecord] {
    var records: [EventRecord] = []
    while true {
      let page = try await store.records(after: UInt64(records.count), limit: 1000)
      if page.isEmpty { break }
      records += page
    }
    for (key, result) in results {
      let last = try #require(result?.last, "\(key)")
      #expect(records[Int(last.sequenceNumber) - 1].position == last, "\(key)")
    }
    // A request of each caller that had no answer in the end may be there, too.
    #expect((2 * results.count...2 * (results.count + callers * stores)).contains(records.count))
    #expect(Set(results.values.map { $0?.last.sequenceNumber }).count == results.count)
    return records
  }
}
