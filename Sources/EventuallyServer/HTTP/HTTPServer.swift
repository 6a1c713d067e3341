import Eventually
import Foundation
import Hummingbird
import HummingbirdCore
public import Logging
import NIOCore
import NIOPosix
public import ServiceLifecycle

/// Where a server listens.
public struct ListenAddress: Sendable, Hashable {
  /// A host name or an address.
  public var host: String
  /// From 0 to 65,535; 0 takes any port that is free.
  public var port: Int

  /// A host and a port.
  public init(host: String, port: Int) {
    self.host = host
    self.port = port
  }

  /// `host:port`; port 0 takes any that is free.
  public init?(_ text: String) {
    guard let colon = text.lastIndex(of: ":"), let port = Int(text[text.index(after: colon)...]),
      (0...65535).contains(port)
    else { return nil }
    var host = String(text[..<colon])
    if host.hasPrefix("["), host.hasSuffix("]") { host = String(host.dropFirst().dropLast()) }
    guard !host.isEmpty else { return nil }
    self.host = host
    self.port = port
  }

  /// Whether only processes on this machine reach it.
  var isLoopback: Bool {
    host == "localhost" || host == "::1" || host.hasPrefix("127.")
  }
}

extension ListenAddress {
  /// What to say where HTTP can't be served here.
  func failure(_ error: any Error) -> Failure {
    let what = "HTTP can't be served at \(host):\(port)"
    guard let error = error as? IOError else { return Failure("\(what): \(error)") }
    let reason = String(cString: strerror(error.errnoCode))
    return Failure(
      error.errnoCode == EADDRINUSE
        ? "\(what): the address is in use; stop the process that listens there, or name another address"
        : "\(what): \(reason)")
  }

  /// Makes sure that addresses can be listened at, all at the same time; they are left free.
  /// - Throws: ``Failure`` that names the one that can't.
  package static func check(_ addresses: [ListenAddress]) async throws {
    var channels: [any Channel] = []
    var failure: Failure?
    for address in addresses where failure == nil {
      do {
        channels.append(
          try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .bind(host: address.host, port: address.port).get())
      } catch {
        failure = address.failure(error)
      }
    }
    for channel in channels { try await channel.close() }
    if let failure { throw failure }
  }
}

/// Serves an interface over HTTP. It writes where it listens to the log, and to a file for programs.
public struct HTTPServer: Service {
  /// What it serves.
  package let api: API
  private let responder: APIResponder
  private let listen: ListenAddress
  private let addressFile: String?
  private let logger: Logger
  private let tokens: AccessTokens?
  /// The most that whoever reaches the server may do where there are no tokens.
  private let role: AccessRole
  private let tls: ServerTLS?
  private let limits: ServerLimits
  private let console: Console?
  /// Is called with the server's URL once it serves.
  package var onServing: @Sendable (_ url: String) -> Void = { _ in }

  /// A server.
  /// - Parameters:
  ///   - api: what it serves.
  ///   - listen: where.
  ///   - addressFile: a file to write the server's URL to once it serves.
  ///   - tls: for HTTPS; `nil` for HTTP.
  ///   - logger: takes what happens.
  public init(
    api: API, listen: ListenAddress, addressFile: String? = nil, tls: ServerTLS? = nil,
    logger: Logger
  ) {
    console = Console(
      of: api, isLoopback: listen.isLoopback, isEncrypted: tls != nil, logger: logger)
    responder = APIResponder(
      api, console: console, scheme: tls == nil ? "http" : "https", logger: logger)
    self.api = api
    tokens = api.tokens
    role = api.operations.map(\.role).max() ?? .anyone
    self.tls = tls
    limits = api.limits
    self.listen = listen
    self.addressFile = addressFile
    self.logger = logger
  }

  /// Serves until it is stopped.
  /// - Throws: an error that names the address where the address can't be listened at.
  public func run() async throws {
    if !listen.isLoopback { warnOfStrangers() }
    // Half of the descriptors are for databases, brokers, and what else the process opens.
    let limit = min(limits.connections, DescriptorLimit.raise(to: 4 * limits.connections) / 2)
    let connections = Connections(limit: limit)
    let http = HTTP1Channel.Configuration(
      additionalChannelHandlers: [ConnectionHandler(limits: limits, connections: connections)],
      idleTimeout: TimeAmount(limits.idle))
    let application = Application(
      responder: responder,
      server: HTTPServerBuilder { responder in
        AcceptedConnections(HTTP1Channel(responder: responder, configuration: http)) { channel in
          try tls?.begin(on: channel, within: TimeAmount(limits.handshake), logger: logger)
        }
      },
      configuration: ApplicationConfiguration(
        address: .hostname(listen.host, port: listen.port), serverName: "eventually",
        availableConnectionsDelegate: MaximumAvailableConnections(limit)),
      onServerRunning: { channel in announce(port: channel.localAddress?.port ?? listen.port) },
      logger: quiet(logger))
    do {
      try await withThrowingTaskGroup(of: Bool.self) { group in
        group.addTask {
          try await application.run()
          return true
        }
        group.addTask {
          await drain(connections)
          return false
        }
        group.addTask {
          await tokens?.follow()
          return false
        }
        group.addTask {
          await tls?.follow()
          return false
        }
        group.addTask {
          await console?.run()
          return false
        }
        defer { group.cancelAll() }
        while let hasEnded = try await group.next(), !hasEnded {}
      }
    } catch {
      throw listen.failure(error)
    }
  }

  private func warnOfStrangers() {
    let address: Logger.Metadata = ["address": "\(listen.host):\(listen.port)"]
    if tokens == nil, role > .anyone {
      logger.warning(
        role == .read
          ? "anybody who reaches this address may read: name tokens with --token-file"
          : "anybody who reaches this address may give commands: name tokens with --token-file",
        metadata: address)
    } else if tokens != nil, tls == nil {
      logger.warning(
        "tokens are sent in the clear to this address: use --tls-certificate and --tls-key, or a proxy with TLS",
        metadata: address)
    }
  }

  /// Once the server is told to stop, its clients have a moment to bring what they began to an end.
  private func drain(_ connections: Connections) async {
    do {
      try await gracefulShutdown()
      try await Task.sleep(for: limits.drain)
    } catch {
      // The server has ended.
      return
    }
    connections.closeAll()
  }

  private func announce(port: Int) {
    let url = "\(tls == nil ? "http" : "https")://\(listen.host):\(port)"
    logger.info("serving", metadata: ["url": "\(url)"])
    onServing(url)
    guard let addressFile else { return }
    do {
      try Data((url + "\n").utf8).write(to: URL(filePath: addressFile), options: .atomic)
    } catch {
      logger.error(
        "the address file can't be written",
        metadata: ["file": "\(addressFile)", "error": "\(error)"])
    }
  }
}

extension HTTPServer: CustomStringConvertible {
  /// What logs name it by: not by all of its routes, nor by its token.
  public var description: String { "HTTPServer(\(listen.host):\(listen.port))" }
}

/// The server's own logger: what it says at info level is said here already.
private func quiet(_ logger: Logger) -> Logger {
  var logger = logger
  logger.logLevel = max(logger.logLevel, .warning)
  return logger
}
