/// What libpq says of a connection that could not be made, with `PQERRORS_VERBOSE`: that has the server's code in the midst of its words,
/// and nothing else has it before libpq 17.
struct ConnectionRefusal {
  /// The words as they are without the code, and without the place in the server's source.
  let message: String
  /// The code of each server that was tried and has answered.
  let codes: [SQLState]

  init(_ text: String) {
    var codes: [SQLState] = []
    var lines: [Substring] = []
    for line in text.split(separator: "\n") {
      // Whatever the language is, `FATAL:  28P01: …`, and then `LOCATION:  auth_failed, auth.c:329`.
      if line.wholeMatch(of: /\S+:  \w+, [\w.\/]+\.\w+:\d+/) != nil, !codes.isEmpty { continue }
      guard let found = line.firstMatch(of: #/:  ([0-9A-Z]{5}): /#) else {
        lines.append(line)
        continue
      }
      codes.append(SQLState(rawValue: String(found.1)))
      lines.append(line[..<found.range.lowerBound] + ":  " + line[found.range.upperBound...])
    }
    message = lines.joined(separator: "\n")
    self.codes = codes
  }

  /// Whether the server will say the same again: it does not let this role in, by this way or with this password, or has no such database.
  /// libpq goes on to the next host after any other answer, and not after such a one.
  var isLasting: Bool {
    guard let last = codes.last else { return false }
    return last.rawValue.hasPrefix("28") || last == .noSuchDatabase
      || last == .insufficientPrivilege
  }
}
