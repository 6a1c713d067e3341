import HTTPTypes

/// The cookie that a session is known by.
enum SessionCookie {
  /// Cookies are shared by all ports of a host, and sessions are not.
  /// - Parameter authority: the host and port that the request was sent to.
  static func name(authority: String?) -> String {
    let port = authority?.split(separator: ":", omittingEmptySubsequences: false).last ?? ""
    let isPort = !port.isEmpty && port.utf8.allSatisfy { (0x30...0x39).contains($0) }
    return isPort && port.count < authority?.count ?? 0
      ? "eventually-console-\(port)" : "eventually-console"
  }

  /// What a request's cookie of that name holds.
  static func value(_ name: String, in headers: HTTPFields) -> String? {
    for field in headers[values: .cookie] {
      for pair in field.split(separator: ";") {
        let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, parts[0].drop(while: { $0 == " " }) == name else { continue }
        return String(parts[1])
      }
    }
    return nil
  }

  /// The header that has a browser keep the cookie for as long as it runs, out of reach of scripts and of other sites.
  static func set(_ name: String, _ secret: String, isEncrypted: Bool) -> String {
    "\(name)=\(secret); Path=/console; HttpOnly; SameSite=Strict" + (isEncrypted ? "; Secure" : "")
  }

  /// The header that has a browser forget the cookie.
  static func clear(_ name: String) -> String {
    "\(name)=; Max-Age=0; Path=/console; HttpOnly; SameSite=Strict"
  }

  /// 256 random bits.
  static func newSecret() -> String {
    var generator = SystemRandomNumberGenerator()
    return (0..<4).map { _ in
      let digits = String(generator.next() as UInt64, radix: 16)
      return String(repeating: "0", count: 16 - digits.count) + digits
    }.joined()
  }
}
