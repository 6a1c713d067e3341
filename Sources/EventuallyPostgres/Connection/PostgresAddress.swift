import CLibPQ
import Foundation

/// Where a database is.
struct PostgresAddress: Sendable, Hashable {
  /// `postgres://…`, or `key=value` pairs.
  let url: String
  /// The address without its password, for messages.
  let location: String
  private var hasSeveralHosts = false

  init(_ url: String) {
    self.url = url
    var found: [String: String] = [:]
    if let options = PQconninfoParse(url, nil) {
      var option = options
      while let keyword = option.pointee.keyword {
        if let value = option.pointee.val {
          found[String(cString: keyword)] = String(cString: value)
        }
        option += 1
      }
      PQconninfoFree(options)
    } else {
      // What can't be read may have a password anywhere.
      location = "postgres:"
      return
    }
    if let service = found["service"] {
      location = "service=\(service)"
      return
    }
    let ports = (found["port"] ?? "").split(separator: ",", omittingEmptySubsequences: false)
    let hosts = (found["host"] ?? found["hostaddr"] ?? "")
      .split(separator: ",", omittingEmptySubsequences: false)
    hasSeveralHosts = hosts.count > 1
    let places = hosts.enumerated().map { number, host in
      let port = ports.count == 1 ? ports[0] : ports.indices.contains(number) ? ports[number] : ""
      return port.isEmpty ? "\(host)" : "\(host):\(port)"
    }
    let user = found["user"].map { $0 + "@" } ?? ""
    let database = found["dbname"].map { "/" + $0 } ?? ""
    location = "postgres://\(user)\(places.joined(separator: ","))\(database)"
  }

  /// The parameters of a connection: what the address leaves out, and the address.
  ///
  /// A server that has gone without a word is noticed within some ten seconds.
  private static let defaults = [
    "connect_timeout": "5", "keepalives_idle": "5", "keepalives_interval": "2",
    "keepalives_count": "3", "tcp_user_timeout": "10000",
    "fallback_application_name": "eventually",
    // libpq would look for Kerberos' credentials first, in libraries that abort where the process ends meanwhile.
    "gssencmode": ProcessInfo.processInfo.environment["PGGSSENCMODE"] ?? "disable",
  ]

  struct Parameters: Sendable, Hashable {
    var url: String
    /// Which of several hosts, and what the only one must be.
    var server = Server.any

    enum Server: String {
      case any
      /// One that can be written.
      case readWrite = "read-write"
      /// No standby, which has everything later.
      case primary
    }

    /// In an order in which what the address says counts.
    var pairs: [(String, String)] {
      var pairs = PostgresAddress.defaults.map { ($0.key, $0.value) }
      if server != .any { pairs.append(("target_session_attrs", server.rawValue)) }
      pairs.append(("dbname", url))
      return pairs
    }
  }

  /// Of several hosts the primary: another one might be behind what was seen before.
  var reading: Parameters { hasSeveralHosts ? primary : any }
  var any: Parameters { Parameters(url: url) }
  var writing: Parameters { Parameters(url: url, server: .readWrite) }
  var primary: Parameters { Parameters(url: url, server: .primary) }
}
