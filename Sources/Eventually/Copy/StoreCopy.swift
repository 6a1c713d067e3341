/// How far a copy is.
package enum CopyProgress: Sendable, Hashable {
  /// So many events of so many are copied.
  case events(UInt64, of: UInt64)
  /// So many idempotency keys are copied.
  case keys(Int)
  /// Of both stores together, so many events of so many are read again.
  case comparing(UInt64, of: UInt64)
}

/// What a copy came to.
package struct CopyReport: Sendable, Hashable {
  package var storeID: String
  /// How many events the copy has.
  package var events: UInt64
  /// How many of them were there before, from an attempt that was stopped.
  package var resumedAfter: UInt64
  package var keys: Int
  /// Of both stores; `nil` where the store was moved there before, and the copy may have changed since.
  package var digest: StoreDigest.Value?
}

/// What a page of a copy holds at most.
package struct CopyLimits: Sendable {
  package var records: Int
  package var bytes: Int
  package var keys: Int

  package init(records: Int = 2000, bytes: Int = 4 << 20, keys: Int = 5000) {
    self.records = records
    self.bytes = bytes
    self.keys = keys
  }
}

/// Moves a store to another place: with the same store id, partitions, sequence numbers, ids and times, so that the topic stays
/// the store's, and workers go on from their checkpoints.
///
/// It may be stopped at any point, by a kill too; the next run goes on. Each step can be done twice: what the target has of the
/// events tells where to go on, and the rest is replaced as a whole.
package struct StoreCopy<Source: CopySource, Target: CopyTarget>: Sendable {
  private let source: Source
  private let target: Target
  private let limits: CopyLimits

  package init(from source: Source, to target: Target, limits: CopyLimits = CopyLimits()) {
    self.source = source
    self.target = target
    self.limits = limits
  }

  private var contents: any StoreContents { source.contents }
  private var log: any StoreLog { source.contents.log }

  /// Copies what is not copied yet, reads both stores again, and lets the copy be used where they are equal.
  /// - Parameter progress: called after each page.
  package func run(
    _ progress: @escaping @Sendable (CopyProgress) -> Void = { _ in }
  ) async throws(StoreCopyError) -> CopyReport {
    guard source.location != target.location else {
      throw .sameStore(log.location, target.location)
    }
    let found = try await failing { () async throws(EventStoreError) in try await log.head() }
    var report = CopyReport(
      storeID: log.storeID, events: found, resumedAfter: 0, keys: 0, digest: nil)
    let admission = try await admission(head: found)
    if admission == .alreadyMoved { return report }
    try await failing { () async throws(EventStoreError) in
      try await source.setMoved(to: target.location)
    }
    FaultPoint.copyMarked.pass()
    // Appends may have come until then.
    let head = try await failing { () async throws(EventStoreError) in try await log.head() }
    report.events = head
    if admission == .begin {
      try await target.begin(storeID: log.storeID, partitionCount: log.partitionCount)
    } else if case .resume(let copied) = admission {
      report.resumedAfter = copied
    }
    FaultPoint.copyBegun.pass()
    let copy = try await target.contents()
    try await copyEvents(into: copy, after: report.resumedAfter, head: head, progress)
    report.keys = try await copyKeys(head: head, progress)
    try await copyPublication()
    FaultPoint.copyWritten.pass()
    report.digest = try await compare(with: copy, head: head, progress)
    FaultPoint.copyCompared.pass()
    try await target.finish()
    FaultPoint.copyFinished.pass()
    return report
  }

  private func admission(head: UInt64) async throws(StoreCopyError) -> CopyAdmission {
    let state = try await target.state()
    let (movedTo, event) = try await failing {
      () async throws(EventStoreError) -> (String?, EventID?) in
      var event: EventID?
      if case .unfinished(_, _, let copied, _) = state, copied > 0 {
        event = try await log.records(of: .store, after: copied - 1, limit: 1, bytes: 1).first?.id
      }
      return (try await source.movedTo(), event)
    }
    return try .decide(
      storeID: log.storeID, partitionCount: log.partitionCount, head: head, movedTo: movedTo,
      event: event, target: state, from: log.location, to: target.location)
  }

  private func copyEvents(
    into copy: any StoreContents, after copied: UInt64, head: UInt64,
    _ progress: @Sendable (CopyProgress) -> Void
  ) async throws(StoreCopyError) {
    let heads: [UInt64]
    do { heads = try await copy.log.heads() } catch { throw .failed(reading: copy, error) }
    var order = CopyOrder(after: copied, heads: heads)
    let pages = pages(of: log, after: copied)
    while let page = try await next(pages) {
      for record in page {
        if let damage = order.take(record) { throw .damaged(log.location, damage) }
      }
      try await add(page)
      FaultPoint.copyEvents.pass()
      progress(.events(order.sequence, of: head))
    }
    guard order.sequence == head else {
      throw .damaged(log.location, "it ends at \(order.sequence) of \(head) events")
    }
  }

  private func add(_ page: [EventRecord]) async throws(StoreCopyError) {
    do {
      try await target.add(page)
    } catch {
      guard case .outOfOrder(let damage) = error else { throw error }
      throw .damaged(log.location, damage)
    }
  }

  private func copyKeys(
    head: UInt64, _ progress: @Sendable (CopyProgress) -> Void
  ) async throws(StoreCopyError) -> Int {
    try await target.removeKeys()
    let pages = keyPages(of: contents)
    var count = 0
    while let page = try await next(pages) {
      if let key = page.first(where: { $0.sequence > head }) {
        throw .damaged(
          log.location,
          "an idempotency key of the stream '\(key.stream)' names the event at sequence number \(key.sequence), and "
            + "there are \(head)")
      }
      try await target.add(page)
      FaultPoint.copyKeys.pass()
      count += page.count
      progress(.keys(count))
    }
    return count
  }

  private func copyPublication() async throws(StoreCopyError) {
    let (skips, published) = try await failing {
      () async throws(EventStoreError) in
      (try await contents.skips(), try await contents.progress())
    }
    try await target.replace(skips: skips, progress: published)
  }

  /// Reads both stores from the beginning.
  private func compare(
    with copy: any StoreContents, head: UInt64,
    _ progress: @escaping @Sendable (CopyProgress) -> Void
  ) async throws(StoreCopyError) -> StoreDigest.Value {
    let read = Locked<UInt64>(0)
    let count: @Sendable (Int) -> Void = { more in
      let sum = read.withLock { sum in
        sum += UInt64(more)
        return sum
      }
      progress(.comparing(sum, of: 2 * head))
    }
    async let first = digest(of: contents, count)
    async let second = digest(of: copy, count)
    let (expected, found): (StoreDigest.Value, StoreDigest.Value)
    do {
      (expected, found) = try await (first, second)
    } catch let error as StoreCopyError {
      throw error
    } catch {
      throw .cancelled
    }
    let parts = expected.differences(from: found)
    guard parts.isEmpty else {
      throw .differs(log.location, target.location, parts: parts)
    }
    return expected
  }

  private func digest(
    of contents: any StoreContents, _ count: @Sendable (Int) -> Void
  ) async throws(StoreCopyError) -> StoreDigest.Value {
    var digest = StoreDigest()
    let pages = pages(of: contents.log, after: 0)
    while let page = try await next(pages) {
      digest.add(page)
      count(page.count)
    }
    let keys = keyPages(of: contents)
    while let page = try await next(keys) { digest.add(page) }
    let (skips, published) = try await failing {
      () async throws(EventStoreError) in
      (try await contents.skips(), try await contents.progress())
    }
    digest.add(skips: skips, progress: published)
    return digest.finalize()
  }
}

/// Reading ahead, and errors.
extension StoreCopy {
  /// The records of a log, a page at a time, the next one on its way.
  private func pages(of log: any StoreLog, after sequence: UInt64) -> Prefetcher<[EventRecord]> {
    let last = Locked(sequence)
    let limits = limits
    return Prefetcher {
      let page = try await log.records(
        of: .store, after: last.withLock { $0 }, limit: limits.records, bytes: limits.bytes)
      guard let end = page.last else { return nil }
      last.withLock { $0 = end.position.sequenceNumber }
      return page
    }
  }

  private func keyPages(of contents: any StoreContents) -> Prefetcher<[CopiedKey]> {
    let last = Locked<CopiedKey?>(nil)
    let limit = limits.keys
    return Prefetcher {
      let page = try await contents.keys(after: last.withLock { $0 }, limit: limit)
      guard let end = page.last else { return nil }
      last.withLock { $0 = end }
      return page
    }
  }

  private func next<Element: Sendable>(
    _ pages: Prefetcher<Element>
  ) async throws(StoreCopyError) -> Element? {
    do {
      try Task.checkCancellation()
      return try await pages.next()
    } catch let error as EventStoreError {
      throw .failed(error)
    } catch {
      throw .cancelled
    }
  }

  private func failing<Result>(
    _ body: () async throws(EventStoreError) -> Result
  ) async throws(StoreCopyError) -> Result {
    do { return try await body() } catch { throw .failed(error) }
  }
}

extension StoreCopyError {
  /// A failure of a call that may throw anything.
  fileprivate static func failed(
    reading contents: any StoreContents, _ cause: any Error
  ) -> StoreCopyError {
    .failed(
      cause as? EventStoreError
        ?? .unavailable("the store \(contents.log.location) could not be read", cause: cause))
  }
}
