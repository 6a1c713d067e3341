import Eventually

extension Problem {
  static func ofWorkers(
    _ model: PipelineLook.ReadModel, _ look: PipelineLook
  ) -> [Problem] {
    let page = ["read-model", model.name, "partitions"]
    guard let workers = model.workers else { return [] }
    var problems: [Problem] = []
    /// When it was heard of last.
    func before(_ age: Duration) -> Timestamp {
      Timestamp(microseconds: look.time.microseconds - age.nanoseconds / 1_000)
    }
    if !workers.contains(where: { $0.age < PipelineLook.silent }) {
      let lag =
        model.lag(look.store).map {
          "; " + counted(Int(clamping: $0), "event") + " are not applied"
        }
        ?? ""
      problems.append(
        Problem(
          severity: .wrong, id: "no worker \(model.name)", what: "No worker runs for \(model.name)",
          why: "none has reported for \(PipelineLook.silent.components.seconds) s\(lag)",
          todo: "Start one: projector run \(model.name)", page: page,
          since: workers.map(\.age).min().map(before)))
    }
    for worker in workers {
      let host = worker.report.map { " on \($0.host.excerpt)" } ?? ""
      let seconds = worker.age.components.seconds
      if model.isReplaced(worker) {
        problems.append(
          Problem(
            severity: .note, id: "gone \(model.name) \(worker.name)",
            what:
              "The worker \(worker.name.excerpt) of \(model.name) ended without a word \(seconds) s ago",
            why: worker.report?.partitions.isEmpty == true
              ? "it had no partitions" : "other workers have its partitions",
            todo:
              "Start it again\(host) if it is missed; it is not shown any more "
              + "\(WorkerReportLimits.age.components.seconds / 60) min after its last report",
            page: page, since: before(worker.age)))
      } else if worker.age >= PipelineLook.late {
        let isSilent = worker.age >= PipelineLook.silent
        problems.append(
          Problem(
            severity: isSilent ? .wrong : .warning, id: "silent \(model.name) \(worker.name)",
            what:
              "The worker \(worker.name.excerpt) of \(model.name) has not reported for \(seconds) s",
            why: isSilent
              ? "its process has ended or hangs; the group gives its partitions to the others"
              : "its process hangs, is overloaded, or has just ended",
            todo: "Look at its log\(host), and start it again where it has ended", page: page,
            since: before(worker.age)))
      } else if let reason = worker.report?.reasons.first, !model.isBuilding {
        problems.append(
          Problem(
            severity: .warning, id: "unready \(model.name) \(worker.name)",
            what: "The worker \(worker.name.excerpt) of \(model.name) is not ready",
            why: reason.excerpt(400), todo: "Look at its log\(host) and at its /readyz", page: page,
            grace: rebalance))
      }
    }
    return problems
  }

  /// The group gives partitions to a worker within so long, as a rule.
  private static let rebalance = Duration.seconds(10)

  /// A lag that grows: more workers help where there is something to apply.
  static func rising(_ model: PipelineLook.ReadModel, _ look: PipelineLook) -> Problem {
    var problem = Problem(
      severity: .warning, id: "rising \(model.name)",
      what: "\(model.name) falls behind: "
        + counted(Int(clamping: model.lag(look.store) ?? 0), "event") + " are not applied",
      why: "its lag has grown for a minute: its workers apply less than is appended",
      todo: "Start more workers, up to one for each partition", command: ["status"],
      page: ["read-model", model.name, "partitions"])
    if look.relay?.isStanding(at: look.time) == true {
      problem.why = "its lag has grown for a minute: events are not published"
      problem.todo = "It catches up by itself once they are"
    } else if model.rate == 0 {
      problem.why = "its lag has grown for a minute: its workers apply nothing"
      problem.todo = "See whether its workers run and are ready, and look at their logs"
    }
    return problem
  }
}
