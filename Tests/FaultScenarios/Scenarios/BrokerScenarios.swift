import Eventually
import Foundation

extension Scenario {
  static let brokerScenarios = [
    Scenario(
      "broker-down", "the only broker is away for a while: commands go on, workers say so",
      requires: [.outages], play: brokerDown),
    Scenario(
      "broker-gone-at-shutdown", "writer and workers are told to stop while the broker is gone",
      requires: [.outages], play: goneAtShutdown),
    Scenario(
      "broker-of-three-down", "one broker of three is away, and leaders move to and fro",
      requires: [.severalBrokers], play: oneOfThree),
    Scenario(
      "request-errors",
      "produce and fetch requests fail, with errors that pass and errors that do not",
      requires: [.failingRequests], play: requestErrors),
    Scenario(
      "slow-broker", "every answer of the broker takes half a second", requires: [.lateAnswers],
      play: slow),
    Scenario(
      "broker-frozen",
      "the broker stands still with its connections open, for longer than a session",
      requires: [.freezing], play: frozen),
    Scenario(
      "lost-acknowledgements",
      "connections break with acknowledgements on their way: the topic has records twice",
      requires: [.lateAnswers, .outages], play: lostAcknowledgements),
    Scenario(
      "broker-data-lost",
      "the broker loses everything: all go on, and a new read model gets it all",
      needs: [.severalReadModels], play: dataLost),
  ]

  private static func brokerDown(_ stage: Stage) async throws {
    try await stage.pipeline.startBroker()
    let writer = try await stage.startWriter()
    let worker = try await stage.startWorker(.first, "first-1")
    try await stage.becomesReady(worker)
    let load = try stage.startLoad(entities: 500, rate: 40)
    try await stage.begun(load, 40)
    try await stage.disturb(.takeAway)
    try await stage.becomesUnready(worker, because: "broker")
    let before = load.acknowledged.count
    try await waitUntil("commands go on", seen: { "\(load.failures)" }) {
      load.acknowledged.count > before + 20
    }
    var body = ""
    // Where another writer may take over, records wait no longer than a term, and then the writer looks for the brokers.
    let words =
      stage.pipeline.database == nil ? "acknowledged nothing" : "Broker transport failure"
    try await waitUntil("the writer says that nothing is acknowledged", seen: { body }) {
      body = try await writer.text("/readyz").body
      return body.contains(words)
    }
    let answer = try await worker.endpoint.text("/readyz")
    guard answer.status == 503 else {
      throw NotAsExpected("the worker calls itself ready while the broker is away: \(answer.body)")
    }
    try await stage.disturb(.bringBack)
    try await stage.publishedWhole()
    try await stage.checkAll([.first])
  }

  /// Nobody is told: requests stay without an answer, and members' sessions may end or not.
  private static func frozen(_ stage: Stage) async throws {
    try await stage.pipeline.startBroker()
    try await stage.startWriter()
    let worker = try await stage.startWorker(.first, "first-1")
    try await stage.startWorker(.first, "first-2")
    try await stage.becomesReady(worker)
    let load = try stage.startLoad(entities: 500, rate: 40)
    try await stage.begun(load, 40)
    try await stage.disturb(.freeze)
    let before = load.acknowledged.count
    try await stage.pause(8_000...12_000)
    try await waitUntil("commands go on", seen: { "\(load.failures)" }) {
      load.acknowledged.count > before + 20
    }
    try await stage.disturb(.thaw)
    try await stage.publishedWhole()
    try await stage.checkAll([.first])
  }

  private static func goneAtShutdown(_ stage: Stage) async throws {
    try await stage.pipeline.startBroker()
    try await stage.startWriter()
    for number in 1...3 { try await stage.startWorker(.first, "first-\(number)") }
    let load = try stage.startLoad(entities: 60)
    try await stage.begun(load, 60)
    try await stage.loadEnds()
    try await stage.disturb(.end)
    // Somewhere in between two questions to the broker, or in the middle of one.
    try await stage.pause(0...2500)
    for number in 1...3 { try await stage.stopWorker("first-\(number)") }
    guard try await stage.pipeline.writer?.stop() == 0 else {
      throw NotAsExpected("the writer did not end in order")
    }
    try await stage.disturb(.startAgain)
    try await stage.startWriter()
    try await stage.startWorker(.first, "first-4")
    try await stage.checkAll([.first])
  }

  private static func oneOfThree(_ stage: Stage) async throws {
    try await stage.pipeline.startBroker(brokers: 3)
    try await stage.startWriter()
    try await stage.startWorker(.first, "first-1")
    try await stage.startWorker(.second, "second-1")
    let load = try stage.startLoad(entities: 300, rate: 40)
    for part in 1...2 {
      try await stage.begun(load, part * 50)
      let victim = Int.random(in: 1...3, using: &stage.random)
      // Kafka elects other leaders before it lets a broker go; here that is done by hand, and late.
      try await stage.disturb(.one(broker: victim, isUp: false))
      try await stage.pause(200...800)
      for partition in 0..<4 {
        let leader = (victim + Int.random(in: 0...1, using: &stage.random)) % 3 + 1
        try await stage.disturb(.leader(partition: partition, broker: leader))
      }
      try await stage.pause(1000...2000)
      try await stage.disturb(.one(broker: victim, isUp: true))
    }
    try await stage.publishedWhole()
    try await stage.checkAll([.first, .second])
  }

  private static func requestErrors(_ stage: Stage) async throws {
    try await stage.pipeline.startBroker()
    // One request at a time: where one fails that is to be repeated, Kafka refuses those behind it, by their sequence
    // numbers, and librdkafka relies on that: a later success counts for what came before. The mock cluster accepts them.
    try await stage.startWriter(kafka: "max.in.flight.requests.per.connection=1")
    try await stage.startWorker(.first, "first-1")
    let load = try stage.startLoad(entities: 240, rate: 40)
    // NOT_LEADER, REQUEST_TIMED_OUT, NOT_ENOUGH_REPLICAS, NOT_ENOUGH_REPLICAS_AFTER_APPEND pass by themselves;
    // MSG_SIZE_TOO_LARGE and TOPIC_AUTHORIZATION_FAILED do not.
    let produce = [6, 7, 19, 20, 10, 29].shuffled(using: &stage.random)
    // OFFSET_OUT_OF_RANGE, UNKNOWN_TOPIC_OR_PART, NOT_LEADER, BROKER_NOT_AVAILABLE
    let fetch = [1, 3, 6, 8].shuffled(using: &stage.random)
    for (index, code) in produce.enumerated() {
      try await stage.begun(load, 20 + index * 30)
      try await stage.disturb(.fail(.produce, code: code, count: 2))
      try await stage.disturb(.fail(.fetch, code: fetch[index % fetch.count], count: 2))
    }
    try await stage.publishedWhole()
    try await stage.checkAll([.first])
  }

  private static func slow(_ stage: Stage) async throws {
    try await stage.pipeline.startBroker()
    try await stage.startWriter()
    let worker = try await stage.startWorker(.first, "first-1")
    try await stage.becomesReady(worker)
    try await stage.disturb(.answerLate(milliseconds: 500))
    try stage.startLoad(entities: 200, rate: 60)
    try await stage.publishedWhole()
    try await stage.checkAll([.first])
  }

  /// The broker appends what it gets, and its answer is cut off: the producer sends it again.
  private static func lostAcknowledgements(_ stage: Stage) async throws {
    try await stage.pipeline.startBroker()
    try await stage.startWriter()
    let worker = try await stage.startWorker(.first, "first-1")
    try await stage.becomesReady(worker)
    let load = try stage.startLoad(entities: 300, rate: 40)
    for part in 1...3 {
      try await stage.begun(load, part * 40)
      try await stage.disturb(.answerLate(milliseconds: 1000))
      try await stage.pause(600...900)
      try await stage.disturb(.takeAway)
      stage.tally.add(.acknowledgementsLost)
      try await stage.disturb(.answerLate(milliseconds: 0))
      try await stage.disturb(.bringBack)
    }
    try await stage.loadEnds()
    try await stage.verify([.first])
    guard try await stage.wholeTopic().twice > 0 else {
      throw NotAsExpected("no acknowledgement was lost: nothing was tried")
    }
    try await stage.counts(worker, .duplicatesDropped)
    try await stage.checkAll([.first])
  }

  private static func dataLost(_ stage: Stage) async throws {
    try await stage.playUndisturbed(entities: 100)
    try await stage.stopWorker("first-1")
    _ = try await stage.pipeline.writer?.stop()
    // A development broker is a new one then, at a new address, with nothing in it.
    try await stage.disturb(.loseEverything)
    try await stage.startWriter()
    let old = try await stage.startWorker(.first, "first-1")
    let new = try await stage.startWorker(.third, "third-1")
    // While nothing new comes there is no gap to be seen: the store's head tells that there is something to fetch.
    try await stage.verify([.first, .third])
    try stage.startLoad(entities: 100)
    try await stage.loadEnds()
    try await stage.verify([.first, .third])
    try await stage.counts(new, .eventsFromFeed)
    try await stage.becomesReady(old)
    try await stage.checkAll([.first, .third])
  }
}

extension Stage {
  /// Once the clients are done, the topic holds each event, whatever became of requests on the way.
  func publishedWhole() async throws {
    try await loadEnds()
    _ = try await wholeTopic()
  }

  func log() async throws -> any StoreLog { try await pipeline.log() }
}

extension Pipeline {
  /// Which Kafka and which topic, for kcat.
  var kcatArguments: [String] {
    ["-b", brokers, "-t", topic] + harness.kafka.settings.flatMap { ["-X", $0] }
  }

  /// Starts a program of the system.
  func startTool(
    _ name: String, _ arguments: [String], at place: ProcessPlace = .here
  ) async throws -> RunningProcess {
    try await RunningProcess.start(
      "/usr/bin/env", [name] + arguments, at: place,
      log: file("\(name)-\(UUID().uuidString).log"))
  }
}
