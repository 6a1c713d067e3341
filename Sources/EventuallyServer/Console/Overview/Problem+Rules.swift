import Eventually
import EventuallyKafka

extension Problem {
  /// Everything that is wrong with what was seen.
  static func find(in look: PipelineLook) -> [Problem] {
    look.failures.map(unreadable)
      + ofStore(look.store, at: look.time)
      + ofRelay(look)
      + look.readModels.flatMap { ofReadModel($0, look) }
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

  // MARK: A read model

  private static func ofReadModel(
    _ model: PipelineLook.ReadModel, _ look: PipelineLook
  ) -> [Problem] {
    let page = ["read-model", model.name]
    var problems = ofWorkers(model, look) + forgedOrAhead(model, look.store)
    let counts = model.unapplied
    if counts.parkedStreams > 0 {
      problems.append(
        Problem(
          severity: .wrong, id: "parked \(model.name)",
          what: counted(counts.parkedStreams, "stream") + " of \(model.name) "
            + (counts.parkedStreams == 1 ? "is" : "are") + " parked",
          why: "the read model's code failed on their events; "
            + counted(counts.parkedEvents, "event")
            + (counts.parkedEvents == 1 ? " is" : " are") + " kept aside, and other streams go on",
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
    if model.isRising { problems.append(rising(model, look)) }
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

  static func counted(_ count: Int, _ noun: String) -> String {
    "\(count) \(noun)\(count == 1 ? "" : "s")"
  }
}
