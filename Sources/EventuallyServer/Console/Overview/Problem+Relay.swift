import Eventually
import EventuallyKafka

extension Problem {
  // MARK: The relay

  static func ofRelay(_ look: PipelineLook) -> [Problem] {
    guard let relay = look.relay else { return [] }
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
    if relay.isStanding(at: look.time) { problems.append(standing(relay, look)) }
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

  /// Nothing gets to the topic.
  private static func standing(_ relay: PipelineLook.Relay, _ look: PipelineLook) -> Problem {
    let kafka = relay.brokers.map { "Kafka at \($0.excerpt)" } ?? "Kafka"
    let backlog = look.store.map { $0.head - min($0.head, relay.published) } ?? 0
    let waiting =
      backlog == 0
      ? "" : "; commands are taken, and \(counted(Int(clamping: backlog), "event")) wait"
    let why =
      relay.failure?.excerpt(400)
      ?? (relay.phase == .stopped ? "the publisher has ended" : "nothing is acknowledged")
    return Problem(
      severity: .wrong, id: "relay",
      what: relay.phase == .publishing
        ? "\(kafka) does not answer" : "Events are not published to \(kafka)", why: why + waiting,
      todo: relay.phase == .blocked
        ? "Correct the topic, or name another"
        : "See that the brokers answer: it is tried again by itself",
      command: ["topic", "show"], since: relay.standsSince, isCause: true)
  }
}
