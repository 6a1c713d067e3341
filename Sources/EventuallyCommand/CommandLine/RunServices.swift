import Dispatch
import Eventually
import EventuallyServer
import Foundation
package import Logging
package import ServiceLifecycle
import UnixSignals

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// A service whose failure stops the others in order, before it ends the process.
private func configuration(
  _ service: any Service
) -> ServiceGroupConfiguration.ServiceConfiguration {
  .init(service: service, failureTerminationBehavior: .gracefullyShutdownGroup)
}

/// Runs services until one fails, or until SIGTERM or SIGINT; then stops all of them, the last one first. Meanwhile SIGUSR1 and
/// SIGUSR2 change how much is logged, and SIGHUP changes nothing. A service manager that waits for it is told how the process is.
/// - Parameter endsWithTerminal: whether SIGHUP stops them as well, unless it is ignored, as under nohup.
package func runServices(
  _ services: [any Service], logger: Logger, endsWithTerminal: Bool = false
) async throws {
  var services = services
  ServiceManagerNotifier(
    of: &services, environment: ProcessInfo.processInfo.environment, logger: logger)
  let stopsOnHangUp = endsWithTerminal && hangsUp
  let group = ServiceGroup(
    configuration: ServiceGroupConfiguration(
      services: services.map(configuration),
      gracefulShutdownSignals: [.sigterm, .sigint] + (stopsOnHangUp ? [.sighup] : []),
      logger: logger))
  var signals = LogVerbosity.followSignals(logger)
  if !stopsOnHangUp { signals.append(noteHangUp(logger)) }
  defer { for source in signals { source.cancel() } }
  try await group.run()
}

/// SIGHUP has servers read their configuration again, as a rule. Here there is nothing to do for that, and a process must not end by it.
private func noteHangUp(_ logger: Logger) -> any DispatchSourceSignal {
  signal(SIGHUP, SIG_IGN)
  let source = DispatchSource.makeSignalSource(
    signal: SIGHUP, queue: DispatchQueue(label: "hang-up"))
  source.setEventHandler {
    logger.notice(
      "SIGHUP changes nothing: files of tokens and certificates are read again when they change; for other settings, restart"
    )
  }
  source.resume()
  return source
}

/// Whether SIGHUP ends a process, as it does unless whoever started it says otherwise.
private var hangsUp: Bool {
  var action = sigaction()
  guard sigaction(SIGHUP, nil, &action) == 0 else { return true }
  #if canImport(Darwin)
    let handler = action.__sigaction_u.__sa_handler
  #else
    let handler = action.__sigaction_handler.sa_handler
  #endif
  return unsafeBitCast(handler, to: Int.self) != unsafeBitCast(SIG_IGN, to: Int.self)
}

/// Runs services beside `work`, and stops them when it is done. SIGTERM and SIGINT stop the work.
/// - Throws: ``Interrupted`` where the work was stopped before it was done.
package func runServices(
  _ services: [any Service], logger: Logger, while work: @escaping @Sendable () async throws -> Void
) async throws {
  let received = Received()
  var all = services.map(configuration)
  all.append(
    .init(
      service: Work(work: work, received: received),
      successTerminationBehavior: .gracefullyShutdownGroup,
      failureTerminationBehavior: .gracefullyShutdownGroup))
  let group = ServiceGroup(
    configuration: ServiceGroupConfiguration(services: all, logger: logger))
  try await withStopSignals(limit: .seconds(30)) { number in
    received.signal.withLock { $0 = $0 ?? number }
    Task { await group.triggerGracefulShutdown() }
  } _: {
    try await group.run()
  }
}

/// Work that is to be done, unless a signal comes first.
private struct Work: Service {
  let work: @Sendable () async throws -> Void
  let received: Received

  func run() async throws {
    do {
      try await cancelWhenGracefulShutdown(work)
    } catch {
      throw received.interruption(error)
    }
  }
}
