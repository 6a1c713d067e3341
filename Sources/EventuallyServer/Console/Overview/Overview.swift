import Eventually

/// The overview of a process, for all of its pages: it looks, and remembers what is needed to tell rates and since when something is wrong.
actor Overview {
  private let watch: PipelineWatch
  private var rates = Rates()
  private var memory = ProblemMemory()
  private var progress = RelayProgress()
  private var lags: [String: [(at: ContinuousClock.Instant, lag: UInt64)]] = [:]
  private var durations = (append: Durations(), publish: Durations())
  private var newest: (frame: OverviewFrame, at: ContinuousClock.Instant)?
  private var shown: (frame: ConsoleFrame, at: ContinuousClock.Instant, ids: [String])?
  private var looking: Task<OverviewFrame, Never>?
  /// Whoever asks within so long gets the same.
  private static let fresh = Duration.milliseconds(200)

  /// What a duration's histogram held some seconds ago.
  private struct Durations {
    private var moments: [(at: ContinuousClock.Instant, buckets: Buckets)] = []

    mutating func p99(_ buckets: Buckets?, at now: ContinuousClock.Instant) -> Double? {
      guard let buckets else { return nil }
      defer {
        moments.append((now, buckets))
        moments.removeAll { now - $0.at > .seconds(10) }
      }
      return buckets.since(moments.first?.buckets).quantile(0.99)
    }
  }

  init(_ watch: PipelineWatch) {
    self.watch = watch
  }

  /// The pipeline as it is now.
  func frame() async -> OverviewFrame {
    if let newest, .now - newest.at < Self.fresh { return newest.frame }
    let task = looking ?? Task { await self.make() }
    looking = task
    let frame = await task.value
    looking = nil
    return frame
  }

  /// The frame that pages get: a new one each second, and at once where something else is wrong than before.
  func pageFrame() async -> ConsoleFrame {
    let now = await frame()
    let ids = now.problems.map(\.id)
    if let shown, shown.ids == ids, now.look.at - shown.at < .milliseconds(950) {
      return shown.frame
    }
    let frame = ConsoleFrame(now.json(), content: now.json(hasTime: false))
    shown = (frame, now.look.at, ids)
    return frame
  }

  private func make() async -> OverviewFrame {
    var look = await watch.look()
    note(look)
    if let store = look.store, let relay = look.relay {
      look.relay?.standsSince = progress.note(
        published: relay.published, head: store.head, at: look.time)
    }
    for index in look.readModels.indices {
      let name = look.readModels[index].name
      look.readModels[index].isRising = isRising(name)
      look.readModels[index].rate = rates.rate("\(name).apply")
    }
    let problems = memory.dated(Problem.find(in: look), at: look.time)
    let metrics = Observability.metrics
    let frame = OverviewFrame(
      look: look, problems: problems, rates: rates,
      appendP99: durations.append.p99(metrics.buckets(of: MetricName.appendSeconds), at: look.at),
      publishP99: durations.publish.p99(
        metrics.buckets(of: MetricName.sendSeconds), at: look.at),
      cpu: (rates.rate("cpu") ?? 0) * 100)
    newest = (frame, .now)
    return frame
  }

  private func note(_ look: PipelineLook) {
    rates.note("cpu", look.process.cpu, at: look.at)
    if let store = look.store {
      rates.note("append", Double(store.head), at: look.at)
      if let conflicts = store.conflicts {
        rates.note("conflicts", Double(conflicts), at: look.at)
      }
    }
    if let relay = look.relay { rates.note("publish", Double(relay.published), at: look.at) }
    for model in look.readModels {
      rates.note("\(model.name).apply", Double(model.applied), at: look.at)
      guard let lag = model.lag(look.store) else { continue }
      var known = lags[model.name] ?? []
      known.removeAll { look.at - $0.at > .seconds(70) }
      known.append((look.at, lag))
      lags[model.name] = known
    }
  }

  /// Whether a read model's lag has grown for a minute, and is more than what is under way.
  private func isRising(_ name: String) -> Bool {
    guard let known = lags[name], let first = known.first, let last = known.last,
      last.at - first.at >= .seconds(55), last.lag > 1000
    else { return false }
    let middle = known.first { last.at - $0.at <= .seconds(30) } ?? last
    return first.lag < middle.lag && middle.lag < last.lag
  }
}
