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

  init(_ sources: ConsoleSources, process: ConsoleProcess) {
    self.sources = sources
    self.process = process
  }

  /// What there is now.
  func look() async -> PipelineLook {
    let figures = ProcessFigures.now()
    var look = PipelineLook(
      process: PipelineLook.Process(
        name: process.name, kind: process.kind, host: ProcessFigures.host,
        started: ProcessFigures.started, memory: figures.memory, cpu: figures.cpuSeconds))
    let log = await open(&look)
    if let log { await lookAtStore(log, &look) } else { await lookAtFeed(&look) }
    for model in sources.readModels {
      if let seen = await lookAt(model, log, look.store, &look) { look.readModels.append(seen) }
    }
    Self.lookAtMetrics(&look)
    return look
  }

  private func open(_ look: inout PipelineLook) async -> (any StoreLog)? {
    guard sources.hasStore else { return nil }
    do {
      return try await sources.store()
    } catch {
      look.failures.append(.init(what: "The store", why: "\(error)"))
      return nil
    }
  }

  // MARK: The store and its relay

  private func lookAtStore(_ log: any StoreLog, _ look: inout PipelineLook) async {
    do {
      let heads = try await log.heads()
      let head = heads.reduce(0, &+)
      if head != latest.head {
        let after = head > 14 ? head - 14 : 0
        let records = try await log.records(of: .store, after: after, limit: 14, bytes: 1 << 20)
        latest = (head, records.reversed())
      }
      look.latest = latest.records
      measure(log)
      var store = PipelineLook.Store(
        id: log.storeID, kind: PostgresURL.isOne(log.location) ? "PostgreSQL" : "SQLite",
        head: head, heads: heads, streams: size?.streams, bytes: size?.bytes)
      if let writer = sources.writer {
        store.writeFailure = await writer.store.writeFailure()
        store.erasures = writer.store.pendingErasures
        store.conflicts = Observability.metrics.total(of: MetricName.conflicts)
        look.relay = Self.relay(writer)
      } else {
        store.erasures = try await log.pendingErasures()
        let progress = try await log.publishedProgress()
        let holder = try await log.relayHolder()
        look.relay = PipelineLook.Relay(
          publisher: holder?.name, epoch: holder?.epoch, published: try await log.published(),
          refused: progress?.refused ?? [])
      }
      look.store = store
    } catch {
      look.failures.append(.init(what: "The store", why: "\(error)"))
    }
  }

  private static func relay(_ writer: Writer) -> PipelineLook.Relay {
    let status = writer.publisher.status
    let isOwn = status.phase != .standby
    return PipelineLook.Relay(
      publisher: isOwn ? ProcessState.name : status.holder?.name, phase: status.phase,
      epoch: status.epoch ?? status.holder?.epoch, published: status.published,
      failure: status.failure, cursorFailure: status.cursorFailure, refused: status.refused,
      topic: writer.topic)
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
  private func lookAtFeed(_ look: inout PipelineLook) async {
    guard let endpoint = sources.feed else { return }
    do {
      let summary = try await StoreSummary(from: endpoint)
      look.store = PipelineLook.Store(
        id: summary.storeID, kind: "by \(endpoint.base)", head: summary.head, heads: summary.heads)
      look.relay = PipelineLook.Relay(published: summary.published)
    } catch {
      look.failures.append(.init(what: "The writer's feed", why: "\(error)"))
    }
  }

  // MARK: Read models

  private func lookAt(
    _ model: ConsoleReadModel, _ log: (any StoreLog)?, _ store: PipelineLook.Store?,
    _ look: inout PipelineLook
  ) async -> PipelineLook.ReadModel? {
    var seen = PipelineLook.ReadModel(name: model.name)
    do {
      seen.workers = try await model.catalog.reports?.workers()
      seen.generation = try await model.catalog.liveGeneration()
      let reader = try await model.live.open()
      seen.checkpoints = try await reader.checkpoints()
      seen.unapplied = try await reader.unappliedCounts()
      seen.isBuilding = try await reader.isBuilding()
      seen.hasBegun = seen.checkpoints.contains { ($0.position ?? 0) > 0 }
      seen.forged = try await reader.forgedPositions()
      seen.removals = try await reader.pendingRemovals()
      if let log, let store { seen.firstUnapplied = try await Self.first(seen, log, store) }
    } catch let error as ReadModelError {
      // One that was never begun is not unreadable.
      guard case .notBuilt = error else {
        look.failures.append(.init(what: "The read model \(model.name)", why: "\(error)"))
        return nil
      }
      seen.hasBegun = false
      seen.isBuilding = true
    } catch {
      look.failures.append(.init(what: "The read model \(model.name)", why: "\(error)"))
      return nil
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
