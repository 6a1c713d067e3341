extension Stage {
  /// Makes something happen to the broker, and counts it.
  func disturb(_ disturbance: Disturbance) async throws {
    try await pipeline.kafka.disturb(disturbance)
    switch disturbance {
    case .takeAway, .freeze, .one(_, isUp: false): tally.add(.brokerOutages)
    case .end, .loseEverything:
      if pipeline.kafka is DevelopmentBroker {
        tally.add(.brokersKilled)
      } else if case .end = disturbance {
        tally.add(.brokerOutages)
      } else {
        tally.add(.topicsDeleted)
      }
    case .leader: tally.add(.leadersMoved)
    case .fail(_, _, let count): tally.add(.errorsInjected, count)
    case .bringBack, .startAgain, .thaw, .forget, .one, .answerLate: break
    }
  }
}
