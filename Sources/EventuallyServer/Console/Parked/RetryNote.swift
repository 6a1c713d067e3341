package import Eventually

extension ReadModelCatalog {
  /// Notes when the parked events of a stream are retried, for whoever asks when they were applied: the batch in which they were parked would
  /// be taken for it. It is called before the retry, so that an end of the process between the two leaves nothing wrong; of a stream that stays
  /// parked it tells nothing.
  ///
  /// Nobody waits for a note that can't be written: a retry is worth more.
  package func noteRetry(
    of streamID: String, in source: any ReadModelSource, to generation: Int
  ) async {
    guard let reports, let events = try? await source.parkedEvents(of: streamID) else { return }
    try? await reports.note(
      retriesOf: events.map(\.position.sequenceNumber), by: ProcessState.name, at: .now(),
      to: generation)
  }
}
