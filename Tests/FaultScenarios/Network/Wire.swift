import Eventually
import Foundation

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Moves packets from one tunnel to another, as its router decides, on a thread of its own.
final class Wire: Sendable {
  let router: Locked<PacketRouter>
  private let tunnels: [Tunnel]
  /// The thread ends when the writing end is closed.
  private let running = Pipe()

  /// - Parameter tunnels: of each of the router's hosts one.
  init(_ router: PacketRouter, _ tunnels: [Tunnel]) {
    self.router = Locked(router)
    self.tunnels = tunnels
  }

  func start() { Thread.detachNewThread { self.move() } }

  func stop() { try? running.fileHandleForWriting.close() }

  private func move() {
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while waitForPackets() {
      for delivery in router.withLock({ $0.arrived(at: .now) }) { send(delivery) }
      for tunnel in tunnels {
        while let packet = tunnel.receive(into: &buffer) {
          if let delivery = router.withLock({ $0.sent(packet, at: .now) }) { send(delivery) }
        }
      }
    }
  }

  private func send(_ delivery: PacketRouter.Delivery) {
    tunnels[delivery.host].send(delivery.packet)
  }

  /// - Returns: whether to go on.
  private func waitForPackets() -> Bool {
    let end = running.fileHandleForReading.fileDescriptor
    var polled = (tunnels.map(\.descriptor) + [end]).map {
      pollfd(fd: $0, events: Int16(POLLIN), revents: 0)
    }
    let left = router.withLock { $0.nextArrival }.map { max(0, ($0 - .now).milliseconds + 1) }
    poll(&polled, nfds_t(polled.count), Int32(clamping: left ?? -1))
    return polled[tunnels.count].revents == 0
  }
}
