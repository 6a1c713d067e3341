import Eventually
import EventuallyKafka
import EventuallySQLite
import Foundation

/// Looks at the pipeline for all pages of a process, and keeps what is asked seldom because it takes long.
actor PipelineWatch {
  private let sources: ConsoleSources
  private let process: ConsoleProcess
  /// Asked again after so long.
  private static let seldom = Duration.seconds(10)
  private var size: (streams: Int?, bytes: UInt64?, at: ContinuousClock.Instant)?
  private var isSizing = false
  private var latest: (head: UInt64, records: [EventRecord]) = (0, [])
  private var log: (any StoreLog)?
  private static let limit = Duration.seconds(1)
  private let ofStore = BoundedWork<StorePart>()
  private let ofReadModels: [BoundedWork<PipelineLook.ReadModel>]

  init(_ sources: ConsoleSources, process: ConsoleProcess) {
    self.sources = sources
    self.process = process
    ofReadModels = sources.readModels.map { _ in BoundedWork() }
  }

  /// What there is now. What does not answer within a second is told to have failed.
  func look() async -> PipelineLook {
    let figures = ProcessFigures.now()
    var look = PipelineLook(
      process: PipelineLook.Process(
        name: process.name, kind: process.kind, host: ProcessFigures.host,
        started: ProcessFigures.started, memory: figures.memory, cpu: figures.cpuSeconds))
    if let writer = sources.writer, !writer.acceptsUnreadableTypes {
      look.process.reasons = writer.readability.findings.reasons
    }
    await lookAtStore(&look)
    await lookAtReadModels(&look)
    Self.lookAtMetrics(&look)
    return look
  }

  // MARK: The store and its relay

  private struct StorePart: Sendable {
    var log: (any StoreLog)?
    var store: PipelineLook.Store
    var relay: PipelineLook.Relay
    var latest: [EventRecord] = []
  }

  private func lookAtStore(_ look: inout PipelineLook) async {
    guard sources.hasStore || sources.feed != nil else { return }
    do {
      let part = try await ofStore.run(within: Self.limit) {
        self.sources.hasStore ? try await self.store() : try await self.fed()
      }
      (look.store, look.relay, look.latest) = (part.store, part.relay, part.latest)
      log = part.log
    } catch {
      look.failures.append(
        sources.hasStore
          ? .init(what: "The store", why: "\(error)")
          : .init(
            what: "The writer's feed", why: "\(error)",
            todo: "See that the writer runs, and that --feed and its token are right"))
    }
  }

  private func store() async throws -> StorePart {
    let log = try await sources.store()
    let heads = try await log.heads()
    let head = heads.reduce(0, &+)
    if head != latest.head {
      let after = head > 14 ? head - 14 : 0
      let records = try await log.records(of: .store, after: after, limit: 14, bytes: 1 << 20)
      latest = (head, records.reversed())
    }
    measure(log)
    var store = PipelineLook.Store(
      id: log.storeID, kind: PostgresURL.isOne(log.location) ? "PostgreSQL" : "SQLite",
      head: head, heads: heads, streams: size?.streams, bytes: size?.bytes)
    guard let writer = sources.writer else {
      store.erasures = try await log.pendingErasures()
      let (progress, holder) = (try await log.publishedProgress(), try await log.relayHolder())
      let relay = PipelineLook.Relay(
        publisher: holder?.name, epoch: holder?.epoch, published: try await log.published(),
        refused: progress?.refused ?? [])
      return StorePart(log: log, store: store, relay: relay, latest: latest.records)
    }
    store.writeFailure = await writer.store.writeFailure()
    store.erasures = writer.store.pendingErasures
    store.conflicts = Observability.metrics.total(of: MetricName.conflicts)
    return StorePart(log: log, store: store, relay: Self.relay(writer), latest: latest.records)
  }

  private static func relay(_ writer: Writer) -> PipelineLook.Relay {
    let status = writer.publisher.status
    let isOwn = status.phase != .standby
    return PipelineLook.Relay(
      publisher: isOwn ? ProcessState.name : status.holder?.name, phase: status.phase,
      epoch: status.epoch ?? status.holder?.epoch, published: status.published,
      failure: status.failure, cursorFailure: status.cursorFailure, refused: status.refused,
      topic: writer.topic, brokers: writer.brokers)
  }

  /// How many streams and bytes there are, in a task of its own: that may take longer than a page should wait.
  private func measure(_ log: any StoreLog) {
    guard !isSizing, size.map({ .now - $0.at > Self.seldom }) ?? true else { return }
    isSizing = true
    Task.detached {
      let streams = try? await log.streamCount()
      await self.measured(streams, Self.bytes(of: log))
    }
  }

  private func measured(_ streams: Int?, _ bytes: UInt64?) {
    size = (streams, bytes, .now)
    isSizing = false
  }

  /// What the files of a store take; `nil` where it is in no files of its own.
  private static func bytes(of log: any StoreLog) -> UInt64? {
    guard !PostgresURL.isOne(log.location) else { return nil }
    let sizes = ["", "-wal"].compactMap { suffix in
      try? FileManager.default.attributesOfItem(atPath: log.location + suffix)[.size] as? UInt64
    }
    return sizes.isEmpty ? nil : sizes.reduce(0, &+)
  }

  /// What a writer tells, for a process that can't open the store.
  private func fed() async throws -> StorePart {
    guard let endpoint = sources.feed else { throw Failure("there is no feed") }
    let summary = try await StoreSummary(from: endpoint)
    if summary.head != latest.head {
      let feed = try await HTTPEventFeed(endpoint)
      let after = summary.head > 14 ? summary.head - 14 : 0
      latest = (summary.head, try await feed.records(after: after, limit: 14).reversed())
    }
    return StorePart(
      store: PipelineLook.Store(
        id: summary.storeID, kind: "by \(endpoint.base)", head: summary.head,
        heads: summary.heads),
      relay: try await Self.relay(of: endpoint, published: summary.published),
      latest: latest.records)
  }

  /// What a writer's readiness tells of its publisher, whether or not it is ready.
  private static func relay(
    of endpoint: HTTPEndpoint, published: UInt64
  ) async throws -> PipelineLook.Relay {
    let answer = try await endpoint.send("GET", "/readyz", timeout: limit)
    return try PipelineLook.Relay(readiness: answer.body, of: endpoint.base, published: published)
  }

  // MARK: Read models

  private func lookAtReadModels(_ look: inout PipelineLook) async {
    let (log, store) = (look.store == nil ? nil : log, look.store)
    await withTaskGroup(of: (Int, Result<PipelineLook.ReadModel, any Error>).self) { group in
      for (index, model) in sources.readModels.enumerated() {
        let bounded = ofReadModels[index]
        group.addTask {
          do {
            let seen = try await bounded.run(within: Self.limit) {
              try await Self.look(at: model, log, store)
            }
            return (index, .success(seen))
          } catch {
            return (index, .failure(error))
          }
        }
      }
      var found: [Int: PipelineLook.ReadModel] = [:]
      for await (index, result) in group {
        switch result {
        case .success(let seen): found[index] = seen
        case .failure(let error):
          let name = sources.readModels[index].name
          look.failures.append(.init(what: "The read model \(name)", why: "\(error)"))
        }
      }
      look.readModels = found.sorted { $0.key < $1.key }.map(\.value)
    }
  }

  private static func look(
    at model: ConsoleReadModel, _ log: (any StoreLog)?, _ store: PipelineLook.Store?
  ) async throws -> PipelineLook.ReadModel {
    var seen = PipelineLook.ReadModel(name: model.name)
    seen.workers = try await model.reports?.workers()
    do {
      seen.generation = try await model.catalog.liveGeneration()
      let reader = try await model.live.open()
      seen.checkpoints = try await reader.checkpoints()
      seen.unapplied = try await reader.unappliedCounts()
      seen.isBuilding = try await reader.isBuilding()
      seen.forged = try await reader.forgedPositions()
      seen.removals = try await reader.pendingRemovals()
      if let log, let store { seen.firstUnapplied = try await first(seen, log, store) }
    } catch let error as ReadModelError {
      // One that was never begun is not unreadable.
      guard case .notBuilt = error else { throw error }
      seen.isBuilding = true
    }
    return seen
  }

  /// When the first event was appended that is not applied, looked for in the partitions that are behind most.
  private static func first(
    _ model: PipelineLook.ReadModel, _ log: any StoreLog, _ store: PipelineLook.Store
  ) async throws -> Timestamp? {
    let positions = model.checkpoints.positions(of: Partition(store.heads.count))
    let behind = zip(store.heads, positions).enumerated().filter { $0.element.0 > $0.element.1 }
      .sorted { $0.element.0 - $0.element.1 > $1.element.0 - $1.element.1 }
    var first: Timestamp?
    for (partition, place) in behind.prefix(8) {
      let records = try await log.records(
        of: .partition(Partition(partition)), after: place.1, limit: 1, bytes: 1)
      guard let time = records.first?.time else { continue }
      first = min(first ?? time, time)
    }
    return first
  }

  // MARK: This process

  private static func lookAtMetrics(_ look: inout PipelineLook) {
    let gauges = Observability.metrics.current.gauges
    for (name, gauge) in gauges {
      switch name.label {
      case MetricName.certificateExpiry:
        look.certificateExpiry = Timestamp(microseconds: Int64(gauge.value) * 1_000_000)
      case MetricName.reloadFailed where gauge.value > 0: look.isReloadFailing = true
      default: break
      }
    }
  }
}
