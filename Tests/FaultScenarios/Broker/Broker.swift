package import EventuallyTesting

/// The Kafka that a scenario is played on: ``DevelopmentBroker`` or ``ExistingKafka``.
package protocol Broker: AnyObject {
  /// Serves, in place of an earlier start.
  /// - Parameter brokers: how many there are, where that can be chosen.
  func start(brokers: Int) async throws

  /// Makes something happen to it.
  /// - Throws: ``NotAsExpected`` where it can't be done, too: a scenario requires what it needs.
  func disturb(_ disturbance: Disturbance) async throws

  /// Ends what is still disturbed, and deletes what was created. It does so in a task that is cancelled, too.
  func close() async throws
}

/// Something that happens to a broker.
package enum Disturbance: Sendable {
  /// All brokers go away; they keep what they hold.
  case takeAway
  /// They are back.
  case bringBack
  /// The brokers' processes end. A development broker loses what it holds.
  case end
  /// They are started again.
  case startAgain
  /// The brokers' processes stand still, with their connections open.
  case freeze
  /// They go on.
  case thaw
  /// The topic is lost with all of its records.
  case loseEverything
  /// Retention deletes the first records of the topic's only partition, up to an offset. A development broker decides
  /// by itself what it keeps: the newest 5 MiB.
  case forget(before: Int64)
  /// One broker of several goes away, or comes back.
  case one(broker: Int, isUp: Bool)
  /// A partition is led by another broker.
  case leader(partition: Int, broker: Int)
  /// All answers come late.
  case answerLate(milliseconds: Int)
  /// Requests fail with an error of the protocol.
  case fail(BrokerProcess.Request, code: Int, count: Int)

  /// What a broker must be able to do for it.
  var ability: BrokerAbility? {
    switch self {
    case .takeAway, .bringBack, .end, .startAgain: .outages
    case .freeze, .thaw: .freezing
    case .loseEverything, .forget: nil
    case .one, .leader: .severalBrokers
    case .answerLate: .lateAnswers
    case .fail: .failingRequests
    }
  }
}

/// What only some brokers can be made to do.
package enum BrokerAbility: Sendable, CaseIterable {
  case outages, freezing, severalBrokers, lateAnswers, failingRequests, otherHost

  /// Why an existing Kafka lacks it.
  var lacking: String {
    switch self {
    case .outages: "it takes the broker away, which needs --broker-stop and --broker-start"
    case .freezing: "it freezes the broker, which needs --broker-pause and --broker-resume"
    case .severalBrokers: "it moves leaders between brokers, which only a development broker does"
    case .lateAnswers: "it delays single answers, which only a development broker does"
    case .failingRequests: "it makes single requests fail, which only a development broker does"
    case .otherHost:
      "it has the broker on a host of its own, which only a development broker can be"
    }
  }

  /// Whether others that use the broker at the same time notice.
  var disturbsOthers: Bool {
    switch self {
    case .outages, .freezing: true
    case .severalBrokers, .lateAnswers, .failingRequests, .otherHost: false
    }
  }
}
