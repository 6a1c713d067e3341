extension ApplicationHarness {
  /// Runs an administrative command of the application to its end: `status`, `replay`, `parked` and others.
  /// - Returns: its exit code, and what it wrote.
  public func run(_ arguments: String...) async throws -> (code: Int32, output: String) {
    try await run(arguments)
  }

  package func run(_ arguments: [String]) async throws -> (code: Int32, output: String) {
    let process = try await start(executables.administration, arguments)
    let code = try await process.exitCode()
    return (code, process.log)
  }

  /// Waits until read models have applied all events of the store.
  /// - Parameters:
  ///   - readModels: their names.
  ///   - limit: how long to wait at most.
  /// - Throws: ``ScenarioFailure`` with what is missing where it takes too long.
  public func waitUntilCaughtUp(
    _ readModels: String..., within limit: Duration = .seconds(90)
  ) async throws {
    try await waitUntilCaughtUp(readModels, within: limit)
  }

  package func waitUntilCaughtUp(_ names: [String], within limit: Duration) async throws {
    let (code, output) = try await run(
      ["wait", "--timeout", "\(limit.components.seconds)"] + files + names)
    guard code == 0 else { throw ScenarioFailure(output) }
  }

  /// Waits until read models have caught up, and compares each of their rows with what the store's events make of them.
  /// - Parameter readModels: their names.
  /// - Returns: a digest of the rows of each read model: equal rows have equal digests.
  /// - Throws: ``ScenarioFailure`` with the rows that differ.
  @discardableResult
  public func verify(_ readModels: String...) async throws -> [String: String] {
    try await verify(readModels)
  }

  package func verify(_ names: [String]) async throws -> [String: String] {
    try await waitUntilCaughtUp(names, within: .seconds(90))
    let (code, output) = try await run(["verify", "--caught-up"] + files + names)
    guard code == 0 else { throw ScenarioFailure(output) }
    var digests: [String: String] = [:]
    for line in output.split(separator: "\n") {
      let words = line.split(separator: " ")
      guard words.count > 2, words[words.count - 2] == "digest", let digest = words.last,
        let colon = line.firstIndex(of: ":")
      else { continue }
      digests[String(line[..<colon])] = String(digest)
    }
    return digests
  }

  private var files: [String] { ["--store", store, "--read-models", readModels] }
}
