import Eventually
import EventuallyKafka

extension Problem {
  /// Everything that is wrong with what was seen.
  /// - Parameters:
  ///   - isRising: whether a read model's lag has grown for a minute.
  static func find(
    in look: PipelineLook, isRising: (String) -> Bool = { _ in false }
  ) -> [Problem] {
    look.failures.map(unreadable)
      + ofStore(look.store, at: look.time)
      + ofRelay(look.relay, look.store)
      + look.readModels.flatMap { ofReadModel($0, look.store, isRising: isRising($0.name)) }
      + ofProcess(look)
  }

  private static func unreadable(_ failure: PipelineLook.Failure) -> Problem {
    Problem(
      severity: .wrong, id: "unreadable \(failure.what)", what: "\(failure.what) can't be read",
      why: failure.why.excerpt(400), todo: failure.todo)
  }

  // MARK: The store

  private static func ofStore(_ store: PipelineLook.Store?, at now: Timestamp) -> [Problem] {
    guard let store else { return [] }
    var problems: [Problem] = []
    if let failure = store.writeFailure {
      problems.append(
        Problem(
          severity: .wrong, id: "store unwritable", what: "The store can't be written",
          why: "commands are refused: \(failure.excerpt(400))",
          todo: "Make space, or have its database answer; it is tried again by itself"))
    }
    if let since = store.erasures.since, now.microseconds - since.microseconds > 600_000_000 {
      let why = store.erasures.reason.map { ": \($0.excerpt(400))" } ?? ""
      problems.append(
        Problem(
          severity: .wrong, id: "erasure",
          what: "\(store.erasures.count) removed streams may still be in the store's log",
          why:
            "what was removed is erased within seconds, and this is pending for more than 10 min\(why)",
          todo: "End what reads the store for a long time", command: ["status"], since: since))
    }
    return problems
  }

  // MARK: The relay

  private static func ofRelay(
    _ relay: PipelineLook.Relay?, _ store: PipelineLook.Store?
  ) -> [Problem] {
    guard let relay else { return [] }
    var problems: [Problem] = relay.refused.map { event in
      Problem(
        severity: .wrong, id: "refused \(event.position.partition)",
        what:
          "Partition \(event.position.partition) is not published beyond offset \(event.position.partitionOffset)",
        why:
          "the broker refuses the event \(event.type.excerpt) of \(event.streamID.excerpt): \(event.reason.excerpt(400))",
        todo: "Have the topic take it, or publish a placeholder in its place",
        command: [
          "skip", "--partition", "\(event.position.partition)", "--offset",
          "\(event.position.partitionOffset)",
        ], page: ["event", event.id.description], since: event.since)
    }
    if relay.phase == .standby, relay.publisher == nil {
      problems.append(
        Problem(
          severity: .wrong, id: "no publisher", what: "Nobody publishes the store's events",
          why: "this writer stands by, and no other has the right to publish",
          todo: "Wait for the term of the one before to end; then look at this writer's log",
          command: ["status"]))
    }
    if relay.phase == .blocked || relay.phase == .waiting || relay.phase == .stopped {
      problems.append(
        Problem(
          severity: .wrong, id: "relay", what: "Events are not published",
          why: relay.failure?.excerpt(400) ?? "the publisher has ended",
          todo: relay.phase == .blocked
            ? "Correct the topic, or name another"
            : "See that the brokers answer: commands go on, and it is tried again by itself",
          command: ["topic"]))
    }
    if let failure = relay.cursorFailure {
      problems.append(
        Problem(
          severity: .warning, id: "cursor", what: "How far is published could not be noted",
          why: failure.excerpt(400),
          todo:
            "Nothing is lost; a restart reads more of the topic. See that the store can be written")
      )
    }
    return problems
  }

  // MARK: A read model

  private static func ofReadModel(
    _ model: PipelineLook.ReadModel, _ store: PipelineLook.Store?, isRising: Bool
  ) -> [Problem] {
    let page = ["read-model", model.name]
    var problems = ofWorkers(model, store) + forgedOrAhead(model, store)
    let counts = model.unapplied
    if counts.parkedStreams > 0 {
      problems.append(
        Problem(
          severity: .wrong, id: "parked \(model.name)",
          what: counted(counts.parkedStreams, "stream") + " of \(model.name) "
            + (counts.parkedStreams == 1 ? "is" : "are") + " parked",
          why: "the read model's code failed on their events; "
            + counted(counts.parkedEvents, "event") + " are kept aside, and other streams go on",
          todo: "Look at the reasons, correct the code, then retry them",
          command: ["parked", "list", model.name], page: ["parked"]))
    }
    if counts.rejectedRecords > 0 {
      problems.append(
        Problem(
          severity: .note, id: "rejected \(model.name)",
          what: counted(counts.rejectedRecords, "record") + " of the topic "
            + (counts.rejectedRecords == 1 ? "was" : "were") + " rejected by \(model.name)",
          why: "they are not of this store, or can't be read",
          todo: "See who else writes to the topic", command: ["rejected", model.name],
          page: ["parked"]))
    }
    if model.isBuilding {
      problems.append(
        Problem(
          severity: .note, id: "building \(model.name)", what: "\(model.name) is being built",
          why:
            "it has not yet applied all that was in the store when that began; queries are answered from what there is",
          todo: "Wait until it has caught up", page: page))
    }
    if isRising {
      problems.append(
        Problem(
          severity: .warning, id: "rising \(model.name)",
          what: "\(model.name) falls behind: "
            + counted(Int(clamping: model.lag(store) ?? 0), "event") + " are not applied",
          why: "its lag has grown for a minute: its workers apply less than is appended",
          todo: "Start more workers, up to one for each partition", command: ["status"],
          page: page + ["partitions"]))
    }
    if model.removals.count > 0 {
      problems.append(
        Problem(
          severity: .note, id: "removals \(model.name)",
          what: counted(model.removals.count, "removed stream") + " may be left in \(model.name)",
          why: "a savepoint, another generation or the database's log may still hold their rows",
          todo: "See where", command: ["forget", model.name], page: page,
          since: model.removals.since))
    }
    return problems
  }

  private static func ofWorkers(
    _ model: PipelineLook.ReadModel, _ store: PipelineLook.Store?
  ) -> [Problem] {
    let page = ["read-model", model.name, "partitions"]
    guard let workers = model.workers else { return [] }
    var problems: [Problem] = []
    if !workers.contains(where: { $0.age < PipelineLook.silent }) {
      let lag =
        model.lag(store).map { "; " + counted(Int(clamping: $0), "event") + " are not applied" }
        ?? ""
      problems.append(
        Problem(
          severity: .wrong, id: "no worker \(model.name)", what: "No worker runs for \(model.name)",
          why: "none has reported for \(PipelineLook.silent.components.seconds) s\(lag)",
          todo: "Start one: projector run \(model.name)", page: page))
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
            why: "other workers have its partitions",
            todo:
              "Start it again\(host) if it is missed; it is not shown any more "
              + "\(WorkerReportLimits.age.components.seconds / 60) min after its last report",
            page: page))
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
            todo: "Look at its log\(host), and start it again where it has ended", page: page))
      } else if let reason = worker.report?.reasons.first, !model.isBuilding {
        problems.append(
          Problem(
            severity: .warning, id: "unready \(model.name) \(worker.name)",
            what: "The worker \(worker.name.excerpt) of \(model.name) is not ready",
            why: reason.excerpt(400), todo: "Look at its log\(host) and at its /readyz", page: page)
        )
      }
    }
    return problems
  }

  private static func forgedOrAhead(
    _ model: PipelineLook.ReadModel, _ store: PipelineLook.Store?
  ) -> [Problem] {
    let page = ["read-model", model.name, "partitions"]
    var problems = model.forged.sorted(by: { $0.key < $1.key }).map { partition, position in
      Problem(
        severity: .wrong, id: "forged \(model.name) \(partition)",
        what: "A forged event was applied to \(model.name) in partition \(partition)",
        why: "the store does not have what was applied at partition offset \(position)",
        todo: "Find who writes to the topic; then build the read model anew from the store",
        command: ["repair", model.name], page: page)
    }
    for checkpoint in model.checkpoints {
      guard let store, store.heads.indices.contains(Int(checkpoint.partition)),
        let position = checkpoint.position, position > store.heads[Int(checkpoint.partition)],
        model.forged[checkpoint.partition] == nil
      else { continue }
      problems.append(
        Problem(
          severity: .wrong, id: "ahead \(model.name) \(checkpoint.partition)",
          what: "\(model.name) is ahead of the store in partition \(checkpoint.partition)",
          why:
            "it was applied up to \(position), and the store ends at \(store.heads[Int(checkpoint.partition)]): "
            + "the store was restored from an older copy, or forged events were applied",
          todo:
            "Build the read model anew from this store; a restored store needs a new topic as well",
          command: ["repair", model.name], page: page))
    }
    return problems
  }

  // MARK: This process

  private static func ofProcess(_ look: PipelineLook) -> [Problem] {
    var problems = look.process.reasons.enumerated().map { index, reason in
      Problem(
        severity: .wrong, id: "unready \(index)",
        what: "\(look.process.name.excerpt) is not ready", why: reason.excerpt(400),
        todo: "Run code that reads what is stored, or accept it with --accept-unreadable-types")
    }
    if let expiry = look.certificateExpiry {
      let days = (expiry.microseconds - look.time.microseconds) / 86_400_000_000
      if days < 14 {
        problems.append(
          Problem(
            severity: days < 2 ? .wrong : .warning, id: "certificate",
            what: days < 0
              ? "The certificate has expired" : "The certificate expires in \(days) days",
            why: "it is the one that \(look.process.name.excerpt) shows",
            todo: "Put a new one in its file: it is read again by itself"))
      }
    }
    if look.isReloadFailing {
      problems.append(
        Problem(
          severity: .wrong, id: "reload", what: "A file of tokens or certificates can't be used",
          why: "it has changed; what was read before is in force",
          todo: "See the log of \(look.process.name.excerpt) for the line, and correct it"))
    }
    return problems
  }

  private static func counted(_ count: Int, _ noun: String) -> String {
    "\(count) \(noun)\(count == 1 ? "" : "s")"
  }
}
