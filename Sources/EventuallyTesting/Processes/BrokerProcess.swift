/// A development broker in a process of its own, which can be made to fail. It keeps nothing on disk.
public final class BrokerProcess: Sendable {
  /// A kind of request that a broker can be made to refuse.
  public enum Request: String, Sendable {
    /// Records of a publisher.
    case produce
    /// Reads of a consumer.
    case fetch
  }

  /// The process, to be frozen or killed. A broker that was killed has lost its records, and its address.
  public let process: RunningProcess
  /// The bootstrap servers.
  public let servers: String
  private let brokers: Int

  init(_ process: RunningProcess, servers: String, brokers: Int) {
    self.process = process
    self.servers = servers
    self.brokers = brokers
  }

  /// Takes all brokers off the network; they keep their records.
  public func takeDown() async throws {
    for broker in 1...brokers { try await setUp(false, broker: broker) }
  }

  /// Brings all brokers back after ``takeDown()``.
  public func bringUp() async throws {
    for broker in 1...brokers { try await setUp(true, broker: broker) }
  }

  /// Takes one broker off the network, or brings it back.
  /// - Parameters:
  ///   - isUp: whether it is back.
  ///   - broker: from 1.
  public func setUp(_ isUp: Bool, broker: Int) async throws {
    try await control("brokers/\(broker)/\(isUp ? "up" : "down")")
  }

  /// Makes all answers come late.
  /// - Parameter milliseconds: how late; 0 for in time again.
  public func delayAnswers(milliseconds: Int) async throws {
    for broker in 1...brokers { try await control("brokers/\(broker)/rtt/\(milliseconds)") }
  }

  /// Makes a broker the leader of a partition.
  /// - Parameters:
  ///   - broker: from 1.
  ///   - partition: from 0.
  public func makeLeader(_ broker: Int, ofPartition partition: Int) async throws {
    try await control("partitions/\(partition)/leader/\(broker)")
  }

  /// Refuses the next requests of a kind.
  /// - Parameters:
  ///   - request: the kind.
  ///   - code: the error, as Kafka's protocol numbers it.
  ///   - count: how many requests.
  public func refuse(_ request: Request, code: Int, count: Int) async throws {
    try await control("errors/\(request.rawValue)/\(code)/\(count)")
  }

  private func control(_ path: String) async throws {
    let answer = try await process.post("/" + path)
    guard answer.status == 200 else {
      throw ScenarioFailure("the broker refused \(path): \(answer.body)")
    }
  }
}
