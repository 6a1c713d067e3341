import Eventually
import EventuallyTesting
import Foundation

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Hosts of a scenario: network namespaces of this machine, whose packets go through this process. It can cut them off from each
/// other, without a word to either side, delay packets and lose some.
///
/// A namespace ends with its last process, and all of them with this one: nothing is left behind, however the run ends.
///
/// The development broker listens on 127.0.0.1 alone, and says so to its clients: in the other namespaces that address
/// belongs to the first host.
package final class HostNetwork: Sendable {
  private struct Host: Sendable {
    var name: String
    var address: PacketRouter.Address
    /// A process that does nothing, in the namespace.
    var holder: RunningProcess
  }

  package static let broker = PacketRouter.Address(127, 0, 0, 1)

  private let hosts: [Host]
  private let wire: Wire
  private let folder: String

  /// Makes the hosts. This process's own namespace is one more.
  /// - Parameter names: the first one has the broker.
  package init(_ names: [String], seed: UInt64) async throws {
    let folder = FileManager.default.temporaryDirectory
      .appending(path: "eventually-hosts-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(
      atPath: folder, withIntermediateDirectories: true)
    self.folder = folder
    let subnet = try await Self.freeSubnet(folder)
    var (hosts, tunnels): ([Host], [Tunnel]) = ([], [])
    for (index, name) in names.enumerated() {
      let holder = try await RunningProcess.start(
        "/usr/bin/env", ["unshare", "--net", "sleep", "infinity"], log: "\(folder)/\(name).log")
      let address = PacketRouter.Address(198, subnet.0, subnet.1, UInt8(index + 1))
      hosts.append(Host(name: name, address: address, holder: holder))
      let tunnel = try Tunnel()
      tunnels.append(tunnel)
      try await Self.prepare(holder, tunnel, address, isFirst: index == 0, folder)
    }
    let own = try Tunnel()
    let address = PacketRouter.Address(198, subnet.0, subnet.1, UInt8(names.count + 1))
    try await Self.run(
      "ip address add \(address)/24 dev \(own.name); ip link set \(own.name) up", folder)
    tunnels.append(own)
    var addresses = [Self.broker: 0, address: names.count]
    for (index, host) in hosts.enumerated() { addresses[host.address] = index }
    self.hosts = hosts
    wire = Wire(PacketRouter(addresses, seed: seed), tunnels)
    wire.start()
  }

  deinit {
    wire.stop()
    for host in hosts { host.holder.kill() }
    try? FileManager.default.removeItem(atPath: folder)
  }

  /// Why there can be no such hosts on this machine; `nil` where there can.
  package static let obstacle: String? = {
    let process = Process()
    process.executableURL = URL(filePath: "/bin/sh")
    process.arguments = [
      "-c", "unshare --net sh -ec 'ip tuntap add dev probe mode tun; \(routeLocalNet)'",
    ]
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    do {
      try process.run()
      process.waitUntilExit()
    } catch {
      return "no shell can be run: \(error)"
    }
    return process.terminationStatus == 0
      ? nil
      : "it makes network namespaces, which takes root's rights, /dev/net/tun and iproute2 (deploy/packages --test)"
  }()

  /// A host, for processes to be started there.
  package func place(_ name: String) throws -> ProcessPlace {
    let host = try host(name)
    return ProcessPlace(
      prefix: ["/usr/bin/env", "nsenter", "--target", "\(host.holder.processID)", "--net", "--"],
      address: "\(host.address)")
  }

  package func address(_ name: String) throws -> PacketRouter.Address { try host(name).address }

  /// Has the network be otherwise from now on.
  package func change(_ change: (inout PacketRouter) -> Void) {
    wire.router.withLock { change(&$0) }
  }

  /// Has it be whole and fast again.
  package func heal() {
    change { router in
      (router.cuts, router.cutBehind) = ([], nil)
      (router.delay, router.lossOneIn) = (.zero, 0)
    }
  }

  /// How many packets were lost on their way.
  package var lostPackets: Int { wire.router.withLock { $0.lost } }

  private func host(_ name: String) throws -> Host {
    guard let host = hosts.first(where: { $0.name == name }) else {
      throw ScenarioFailure("there is no host '\(name)'")
    }
    return host
  }

  // MARK: - Making hosts

  /// Packets to 127.0.0.1 may leave and enter a host. A container may have made /proc/sys read-only.
  private static let routeLocalNet = """
    f=/proc/sys/net/ipv4/conf/all/route_localnet; (echo 1 >$f) 2>/dev/null \
    || unshare --mount sh -ec "mount -o remount,bind,rw /proc/sys; echo 1 >$f"
    """

  private static func prepare(
    _ holder: RunningProcess, _ tunnel: Tunnel, _ address: PacketRouter.Address, isFirst: Bool,
    _ folder: String
  ) async throws {
    func namespace(_ process: String) -> String? {
      try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(process)/ns/net")
    }
    let own = namespace("self")
    try await waitUntil("a network namespace", within: .seconds(20), seen: { holder.log }) {
      guard holder.isRunning else { throw ScenarioFailure("unshare: \(holder.log)") }
      let found = namespace("\(holder.processID)")
      return found != nil && found != own
    }
    try await run("ip link set \(tunnel.name) netns \(holder.processID)", folder)
    let broker =
      isFirst
      ? "true"
      : "ip address del 127.0.0.1/8 dev lo; ip route add \(Self.broker)/32 dev \(tunnel.name) src \(address)"
    try await run(
      """
      nsenter --target \(holder.processID) --net sh -ec '
        ip link set lo up
        ip address add \(address)/24 dev \(tunnel.name)
        ip link set \(tunnel.name) up
        \(routeLocalNet)
        \(broker)'
      """, folder)
  }

  /// Of those that are meant for tests of networks.
  private static func freeSubnet(_ folder: String) async throws -> (UInt8, UInt8) {
    let taken = try await run("ip -o -4 address", folder)
    for _ in 0..<100 {
      let subnet = (UInt8.random(in: 18...19), UInt8.random(in: 0...255))
      if !taken.contains("198.\(subnet.0).\(subnet.1).") { return subnet }
    }
    throw ScenarioFailure("there is no free network: \(taken)")
  }

  @discardableResult
  private static func run(_ script: String, _ folder: String) async throws -> String {
    let process = try await RunningProcess.start(
      "/bin/sh", ["-ec", script], log: "\(folder)/\(UUID().uuidString).log")
    guard try await process.exitCode(within: .seconds(30)) == 0 else {
      throw ScenarioFailure("\(script): \(process.log)")
    }
    return process.log
  }
}
