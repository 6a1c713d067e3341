import Eventually
import EventuallyServer
import Foundation
import Logging
import ServiceLifecycle

/// Tells the service manager when the process is ready, how it is, that it is alive, and that it stops.
final class ServiceManagerNotifier<C: Clock>: Service where C.Duration == Duration {
  /// How often is asked how the process is: before its start is over, and after.
  private static var intervals: (starting: Duration, started: Duration) {
    (.milliseconds(250), .seconds(5))
  }

  /// A server of this process, and where it serves.
  private final class Observed: Sendable {
    let server: HTTPServer
    let url = Locked<String?>(nil)

    init(_ server: HTTPServer) {
      self.server = server
    }
  }

  private let socket: NotifySocket
  private let servers: [Observed]
  private let watchdog: Duration?
  private let clock: C
  private let logger: Logger
  /// Nothing is told after that the process stops.
  private let isStopping = Locked(false)

  /// A notifier for those among `services` that are HTTP servers.
  /// - Parameters:
  ///   - services: is changed to tell the notifier where they serve, and to contain it.
  ///   - environment: names the socket, and how often a sign of life is wanted.
  /// - Returns: `nil` where there is no service manager to tell.
  @discardableResult
  init?(
    of services: inout [any Service], environment: [String: String], clock: C = ContinuousClock(),
    logger: Logger
  ) {
    guard let socket = NotifySocket(environment: environment, logger: logger) else { return nil }
    var servers: [Observed] = []
    services = services.map { service in
      guard var server = service as? HTTPServer else { return service }
      let observed = Observed(server)
      servers.append(observed)
      server.onServing = { [before = server.onServing] url in
        before(url)
        observed.url.withLock { $0 = url }
      }
      return server
    }
    self.socket = socket
    self.servers = servers
    self.clock = clock
    self.logger = logger
    watchdog = Self.watchdog(environment)
    // The last one is told first that the process stops.
    services.append(self)
  }

  /// How often a sign of life is due, half as long as the service manager waits for one; `nil` where it waits for none of this process.
  static func watchdog(_ environment: [String: String]) -> Duration? {
    guard let limit = environment["WATCHDOG_USEC"].flatMap({ Int64($0) }), limit > 1 else {
      return nil
    }
    let process = environment["WATCHDOG_PID"] ?? ""
    guard process.isEmpty || process == "\(ProcessInfo.processInfo.processIdentifier)" else {
      return nil
    }
    return .microseconds(limit / 2)
  }

  /// Tells until the process is told to stop.
  func run() async throws {
    // They are not waited for: what hangs in a server must not hold up the others' stop.
    let tasks = [Task { try await tellStatus() }, Task { try await tellLife() }]
    defer { for task in tasks { task.cancel() } }
    // Cancelled, the process stops too.
    try? await gracefulShutdown()
    isStopping.withLock { isStopping in
      isStopping = true
      _ = socket.send(.stopping)
    }
  }

  private func send(_ notification: ServiceNotification) -> Bool {
    isStopping.withLock { isStopping in !isStopping && socket.send(notification) }
  }

  private func tellStatus() async throws {
    var start = ServiceStart()
    let begin = clock.now
    while true {
      var statuses: [ServerStatus] = []
      for observed in servers {
        statuses.append(
          ServerStatus(
            url: observed.url.withLock { $0 },
            readiness: await observed.server.answer(at: "/readyz")))
      }
      var next = start
      let notification = next.observe(statuses, after: begin.duration(to: clock.now))
      // What was not sent is told the next time.
      if notification.map(send) ?? true { start = next }
      try await clock.sleep(
        for: start.isOver ? Self.intervals.started : Self.intervals.starting)
    }
  }

  /// A sign of life says that the loops go on, and that connections and requests are worked on: where one of them hangs, there is
  /// none, and the service manager starts the process again.
  private func tellLife() async throws {
    guard let watchdog else { return }
    var wasAlive = true
    while true {
      try await HTTPServer.passEventLoops()
      var isAlive = true
      for observed in servers {
        if let health = await observed.server.answer(at: "/healthz"), !health.isGood {
          isAlive = false
          if wasAlive {
            logger.error(
              "the service manager is given no sign of life",
              metadata: ["health": "\(String(decoding: health.body, as: UTF8.self))"])
          }
        }
      }
      wasAlive = isAlive
      if isAlive { _ = send(.watchdog) }
      try await clock.sleep(for: watchdog)
    }
  }
}
