/// Where processes are started: on this host, or on one that a test has made.
package struct ProcessPlace: Sendable, Hashable {
  /// What comes before a command, so that it is run there. It becomes the command, and keeps its process number.
  package var prefix: [String] = []
  /// The address that processes listen at there.
  package var address = "127.0.0.1"

  /// This host.
  package static let here = ProcessPlace()

  package init() {}

  package init(prefix: [String], address: String) {
    self.prefix = prefix
    self.address = address
  }
}
