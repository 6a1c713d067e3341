/// Waits until a condition holds, which it asks for every 20 ms.
/// - Parameters:
///   - what: the condition in words, for the failure.
///   - limit: how long to wait at most.
///   - seen: what to report where it takes too long.
///   - condition: whether to go on. It is asked once at least.
/// - Throws: ``ScenarioFailure`` where it takes too long, and what `condition` throws.
public func waitUntil(
  _ what: String, within limit: Duration = .seconds(60), seen: () async -> String = { "" },
  _ condition: () async throws -> Bool
) async throws {
  let deadline = ContinuousClock.now + limit
  while try await !condition() {
    guard ContinuousClock.now < deadline else {
      throw ScenarioFailure("\(what): not within \(limit); saw: \(await seen())")
    }
    // A poll, not a delay: other processes give no signal.
    try await Task.sleep(for: .milliseconds(20))
  }
}
