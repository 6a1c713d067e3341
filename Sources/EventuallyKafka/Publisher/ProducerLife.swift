import Eventually

/// A producer from its beginning to its end, which comes with the first record that the broker refuses: what the broker says of
/// the records that were sent by then is waited for, and the others are taken back. It is used on one thread.
final class ProducerLife {
  /// How a producer came to its end.
  enum End: Error {
    /// The broker refuses records: another producer may go on with all others.
    case refused
    /// Nothing may be written to the topic.
    case topic(Int32)
    /// Something else.
    case failed(KafkaError)
  }

  let client: ProducerClient
  private var failure: KafkaError?
  private var topicCode: Int32?
  private var isRefused = false
  /// How many records were handed over, and of how many it is known what became of them.
  private(set) var handed: UInt64 = 0
  private(set) var reported: UInt64 = 0
  /// For so long, what was sent is waited for before it is taken back too.
  private static let patience = Duration.seconds(30)

  init(_ client: ProducerClient) {
    self.client = client
  }

  /// Whether nothing more can be handed over.
  var isAtEnd: Bool { isRefused || topicCode != nil || failure != nil }

  /// Hands records over, as many as there is room for.
  /// - Parameter note: called with a record that the client refuses by itself.
  /// - Returns: how many were taken. The rest can be handed over later unless ``isAtEnd``.
  func produce(_ batch: RecordBatch, _ note: (DeliveryReport) -> Void) -> Int {
    let (taken, refusal) = client.produce(batch)
    handed += UInt64(taken)
    guard let refusal else { return taken }
    if RefusalKind(refusal.code).isOfRecords {
      let (partition, sequence) = batch[taken]
      isRefused = true
      note(DeliveryReport(sequenceNumber: sequence, partition: partition, code: refusal.code))
    } else if RefusalKind(refusal.code) != .returned {
      failure = refusal
    } else {
      // Why it is at its end, the reports say.
      noteFatalError()
    }
    return taken
  }

  /// Waits up to `timeout` milliseconds for what becomes of records.
  func reports(timeout: Int32) -> [DeliveryReport] {
    let reports = client.poll(timeout: timeout)
    reported += UInt64(reports.count)
    for report in reports where report.code != 0 {
      switch RefusalKind(report.code) {
      case .tooLarge, .invalid: isRefused = true
      case .topic: topicCode = report.code
      case .returned: break
      case .failure:
        failure =
          failure
          ?? KafkaError(
            code: report.code, message: "the broker refused a record", isRetriable: false,
            operation: "publish the event at sequence number \(report.sequenceNumber)")
      }
    }
    noteFatalError()
    return reports
  }

  /// Takes back what was not sent, and waits for what becomes of the rest; the producer is of no use after that.
  /// - Parameter note: called with all of that.
  /// - Returns: how it came to its end.
  nonisolated(nonsending) func end(
    _ note: ([DeliveryReport]) -> Void, beat: () -> Void
  ) async throws -> End {
    FaultPoint.relayRefused.pass()
    let deadline = ContinuousClock.now + Self.patience
    while reported < handed {
      try Task.checkCancellation()
      beat()
      // Again and again: what is to be sent once more comes back to the queue.
      client.purge(inFlight: ContinuousClock.now > deadline)
      note(reports(timeout: 20))
      await Task.yield()
    }
    if let topicCode { return .topic(topicCode) }
    if isRefused { return .refused }
    return .failed(
      failure
        ?? KafkaError(
          code: 0, message: "the producer came to its end", isRetriable: true,
          operation: "publish"))
  }

  private func noteFatalError() {
    do {
      try client.checkFatalError()
    } catch {
      failure = failure ?? error
    }
  }
}

extension DeliveryReport {
  /// What that means for the plan.
  var outcome: PartitionRelay.Outcome {
    if code == 0 { return .acknowledged }
    return RefusalKind(code).isOfRecords ? .refused(code) : .returned
  }
}
