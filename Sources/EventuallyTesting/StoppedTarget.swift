package import Eventually

/// A target that fails at one of the calls on it, as where the process is killed there.
package final class StoppedTarget<Base: CopyTarget>: CopyTarget {
  private let base: Base
  private let stop: Int
  private let before: Bool
  private let calls = Locked<[String]>([])

  package var lastCall: String { calls.withLock { $0.last ?? "" } }
  package var location: String { base.location }

  package init(_ base: Base, at stop: Int, before: Bool) {
    self.base = base
    self.stop = stop
    self.before = before
  }

  private func call<Result>(
    _ name: String, _ body: () async throws(StoreCopyError) -> Result
  ) async throws(StoreCopyError) -> Result {
    let number = calls.withLock { calls in
      calls.append(name)
      return calls.count - 1
    }
    let stopped = StoreCopyError.failed(.unavailable("stopped by the test"))
    if number == stop, before { throw stopped }
    let result = try await body()
    if number == stop { throw stopped }
    return result
  }

  package func state() async throws(StoreCopyError) -> CopyTargetState {
    try await call("state") { () async throws(StoreCopyError) in try await base.state() }
  }

  package func begin(storeID: String, partitionCount: Partition) async throws(StoreCopyError) {
    try await call("begin") { () async throws(StoreCopyError) in
      try await base.begin(storeID: storeID, partitionCount: partitionCount)
    }
  }

  package func contents() async throws(StoreCopyError) -> any StoreContents {
    try await call("contents") { () async throws(StoreCopyError) in try await base.contents() }
  }

  package func add(_ records: [EventRecord]) async throws(StoreCopyError) {
    try await call("records") { () async throws(StoreCopyError) in try await base.add(records) }
  }

  package func removeKeys() async throws(StoreCopyError) {
    try await call("no keys") { () async throws(StoreCopyError) in try await base.removeKeys() }
  }

  package func add(_ keys: [CopiedKey]) async throws(StoreCopyError) {
    try await call("keys") { () async throws(StoreCopyError) in try await base.add(keys) }
  }

  package func replace(
    skips: [CopiedSkip], progress: PublishedProgress
  ) async throws(StoreCopyError) {
    try await call("publication") { () async throws(StoreCopyError) in
      try await base.replace(skips: skips, progress: progress)
    }
  }

  package func finish() async throws(StoreCopyError) {
    try await call("finish") { () async throws(StoreCopyError) in try await base.finish() }
  }

  package func close() async { await base.close() }
}
