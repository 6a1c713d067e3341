import Eventually
import Foundation

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Stands between clients and the one broker of a development cluster, and refuses batches by a rule, as a broker does.
///
/// As a broker does, too, it accepts batches of an idempotent producer only in the order of their sequence numbers: those
/// behind a refused one are refused. The development cluster does not look at them.
package final class RefusingProxy: Sendable {
  /// Tells the error of the protocol that a batch is refused with; `nil` where it is accepted.
  package typealias Rule = @Sendable (ProducedBatch) -> Int16?

  /// Errors of the protocol.
  package static let tooLarge: Int16 = 10
  package static let notAuthorized: Int16 = 29
  package static let invalidRecord: Int16 = 87

  private let server: ProxyServer

  /// - Parameter brokers: `host:port` of the cluster's broker, which is on this machine.
  package init(to brokers: String, rule: @escaping Rule = { _ in nil }) throws {
    server = try ProxyServer(to: brokers, rule: rule)
  }

  deinit { server.stop() }

  /// Its own `host:port`.
  package var brokers: String { "127.0.0.1:\(server.port)" }
  /// How many records each partition has accepted.
  package var accepted: [Int32: Int] { server.state.withLock { $0.accepted } }
  /// How many records all partitions have accepted.
  package var acceptedCount: Int { accepted.values.reduce(0, +) }
  /// How many batches the rule has refused.
  package var refused: Int { server.state.withLock { $0.refused } }

  /// Tells this as the topic's `max.message.bytes`, to whoever connects from now on; the development cluster tells nothing.
  package func tellLimit(_ bytes: Int) { server.state.withLock { $0.limit = bytes } }

  /// Refuses by another rule from now on.
  package func setRule(_ rule: @escaping Rule) { server.state.withLock { $0.rule = rule } }
}

/// What serves the connections, as long as there are any.
private final class ProxyServer: Sendable {
  private static let outOfOrder: Int16 = 45

  struct Producer: Hashable {
    var id: Int64
    var epoch: Int16
    var partition: Int32
  }

  struct State {
    var rule: RefusingProxy.Rule
    var sequences: [Producer: Int32] = [:]
    var accepted: [Int32: Int] = [:]
    var refused = 0
    var limit: Int?
    var connections: Set<Int32> = []
    var isStopped = false
  }

  let state: Locked<State>
  private let listener: Int32
  private let upstream: UInt16
  let port: UInt16

  init(to brokers: String, rule: @escaping RefusingProxy.Rule) throws {
    guard let upstream = brokers.split(separator: ":").last.flatMap({ UInt16($0) }) else {
      throw NotAsExpected("'\(brokers)' is not host:port")
    }
    self.upstream = upstream
    state = Locked(State(rule: rule))
    listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = inet_addr("127.0.0.1")
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let isListening = withUnsafeMutablePointer(to: &address) { [listener] pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
        bind(listener, address, size) == 0 && listen(listener, 64) == 0
          && getsockname(listener, address, &size) == 0
      }
    }
    guard isListening else {
      let reason = String(cString: strerror(errno))
      close(listener)
      throw NotAsExpected("the proxy can't listen: \(reason)")
    }
    port = UInt16(bigEndian: address.sin_port)
    Thread.detachNewThread { [self] in accept() }
  }

  /// Ends all connections, and takes no more.
  func stop() {
    let descriptors = state.withLock { state in
      state.isStopped = true
      return state.connections.union([listener])
    }
    // Whoever waits for one of them closes it.
    for descriptor in descriptors { shutdown(descriptor, Int32(SHUT_RDWR)) }
  }

  // MARK: - Connections, each on a thread of its own

  private func accept() {
    while true {
      let client = takeConnection(listener)
      guard client >= 0 else { break }
      Thread.detachNewThread { [self] in serve(client) }
    }
    close(listener)
  }

  private func serve(_ client: Int32) {
    let broker = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    let isWanted = state.withLock { state in
      state.connections.formUnion([client, broker])
      return !state.isStopped
    }
    if isWanted, connectToBroker(broker) {
      while let request = Self.read(client), let answer = answer(to: request, broker) {
        guard Self.write(answer, to: client) else { break }
      }
    }
    state.withLock { $0.connections.subtract([client, broker]) }
    close(broker)
    close(client)
  }

  private func connectToBroker(_ descriptor: Int32) -> Bool {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = upstream.bigEndian
    address.sin_addr.s_addr = inet_addr("127.0.0.1")
    return withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
        connect(descriptor, address, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
      }
    }
  }

  private func answer(to bytes: [UInt8], _ broker: Int32) -> [UInt8]? {
    guard let request = KafkaRequest(bytes) else { return nil }
    let batch = request.batch
    if let batch, let code = refusal(of: batch) { return request.refusal(of: batch, code: code) }
    let limit = state.withLock { $0.limit }
    if let limit {
      if request.kind == KafkaRequest.versions, request.version > 0 {
        return request.unknownVersion
      }
      if let answer = request.configuration("max.message.bytes", "\(limit)") { return answer }
    }
    guard Self.write(bytes, to: broker), let answer = Self.read(broker) else { return nil }
    if let batch, request.code(inAnswer: answer) == 0 { accept(batch) }
    switch request.kind {
    case KafkaRequest.metadata: return request.redirected(answer, to: port)
    case KafkaRequest.versions where limit != nil: return request.withConfiguration(answer)
    default: return answer
    }
  }

  private func refusal(of batch: ProducedBatch) -> Int16? {
    let producer = Producer(id: batch.producer, epoch: batch.epoch, partition: batch.partition)
    let (rule, expected) = state.withLock { ($0.rule, $0.sequences[producer] ?? 0) }
    if batch.producer >= 0, batch.sequence != expected { return Self.outOfOrder }
    // Without the lock: the rule may ask what was accepted.
    guard let code = rule(batch) else { return nil }
    state.withLock { $0.refused += 1 }
    return code
  }

  private func accept(_ batch: ProducedBatch) {
    state.withLock { state in
      let producer = Producer(id: batch.producer, epoch: batch.epoch, partition: batch.partition)
      state.sequences[producer] = batch.sequence &+ batch.count
      state.accepted[batch.partition, default: 0] += Int(batch.count)
    }
  }

  // MARK: - Frames

  /// What comes next on a connection, without its length; `nil` where it ends.
  private static func read(_ descriptor: Int32) -> [UInt8]? {
    guard let head = read(descriptor, count: 4) else { return nil }
    let length = head.reduce(0) { $0 << 8 | Int($1) }
    return length <= 128 << 20 ? read(descriptor, count: length) : nil
  }

  private static func read(_ descriptor: Int32, count: Int) -> [UInt8]? {
    var bytes = [UInt8](repeating: 0, count: count)
    var filled = 0
    while filled < count {
      let taken = bytes.withUnsafeMutableBytes {
        recv(descriptor, $0.baseAddress.map { $0 + filled }, count - filled, 0)
      }
      guard taken > 0 else { return nil }
      filled += taken
    }
    return bytes
  }

  private static func write(_ bytes: [UInt8], to descriptor: Int32) -> Bool {
    var frame: [UInt8] = []
    frame.append(bigEndian: Int32(bytes.count))
    frame += bytes
    var sent = 0
    while sent < frame.count {
      let count = frame.withUnsafeBytes {
        send(
          descriptor, $0.baseAddress.map { $0 + sent }, frame.count - sent, Int32(MSG_NOSIGNAL))
      }
      guard count > 0 else { return false }
      sent += count
    }
    return true
  }
}

private func takeConnection(_ listener: Int32) -> Int32 { accept(listener, nil, nil) }
