import Eventually

/// What a client may send that it should not: the same seed gives the same requests.
struct HostileRequests {
  enum Request {
    case http(method: String, path: String, body: [UInt8]?, order: String?)
    /// Bytes on a connection of their own; where it is held, nothing more comes and it stays open for a while.
    case raw([UInt8], isHeld: Bool)
  }

  private var random: SeededRandom
  private let prefix: String
  private let texts: [String]
  /// Large orders take long: there are a few of them.
  private var largeOrders = 0

  /// - Parameter hasZero: whether texts may have U+0000. Read models in PostgreSQL can't, and their events are parked.
  init(seed: UInt64, hasZero: Bool = true) {
    random = SeededRandom(seed: seed)
    texts =
      hasZero ? Self.texts : Self.texts.map { $0.replacing("\\u0000", with: "\\u0001") }
    prefix = "H\(seed % 1000)-"
  }

  mutating func next() -> Request {
    switch Int.random(in: 0..<100, using: &random) {
    case 0..<45: return command()
    case 45..<55: return broken()
    case 55..<57: return largeOrders < 4 ? large() : command()
    case 57..<62:
      let id = id()
      return .http(method: "DELETE", path: "/orders/\(id)", body: nil, order: id)
    case 62..<85: return read()
    default: return raw()
    }
  }

  private mutating func pick(_ texts: [String]) -> String {
    texts[Int.random(in: texts.indices, using: &random)]
  }

  private mutating func id() -> String { prefix + "\(Int.random(in: 0..<40, using: &random))" }

  // MARK: - Values, as JSON

  private static let numbers = [
    "1", "-1", "0", "-0", "1000000", "1000001", "-1000000", "-1000001", "9223372036854775807",
    "9223372036854775808", "-9223372036854775808", "-9223372036854775809", "1e3", "1e400", "1.5",
    "99999999999999999999999999999999", "\"1\"", "null", "true", "[]", "{}", "01", "NaN", "",
  ]
  private static let amounts = [
    "\"0\"", "\"1.25\"", "\"-1.25\"", "\"0.0001\"", "\"0.00001\"", "\"99999999.9999\"",
    "\"-99999999.9999\"", "\"922337203685477.5807\"", "\"-922337203685477.5808\"",
    "\"922337203685477.5808\"", "\"9223372036854775807\"", "\"1e3\"", "\"\"", "\"-\"", "\"+1\"",
    "\".5\"", "\"NaN\"", "\"Infinity\"", "1.25", "1e308", "null",
  ]
  private static let times = [
    "\"2026-11-23T12:00:00Z\"", "\"9999-12-31T23:59:59Z\"", "\"9999-12-31T23:59:59.999999Z\"",
    "\"9999-12-31T23:59:59-00:01\"", "\"0001-01-01T00:00:00+01:00\"", "\"0001-01-01T00:00:00Z\"",
    "\"0000-01-01T00:00:00Z\"", "\"9999-12-31T00:00:00-23:59\"", "\"2026-02-29T00:00:00Z\"",
    "\"2026-11-23T24:00:00Z\"", "\"2026-11-23T23:59:60Z\"", "\"-0001-01-01T00:00:00Z\"",
    "\"10000-01-01T00:00:00Z\"", "\"1/1/2026\"", "\"\"", "0", "null",
  ]
  private static let texts = [
    "\"France\"", "\"\"", "\" \"", "\"\\u0000\"", "\"\\u001b]0;x\\u0007\"", "\"\\u202ea\\u2066\"",
    "\"\\ufeffbom\"", "\"\\ud83d\\ude42\"", "\"\\ud800\"", "\"\\udc00\\ud800\"", "\"a\\nb\\rc\"",
    "\"'; DROP TABLE orders; --\"", "\"%00%2e%2e/\"", "\"e\\u0301\"", "\"\u{E9}\"", "\"\\x\"", "1",
    "null", "{}", "[[]]", "\"" + String(repeating: "x", count: 101) + "\"",
    "\"" + String(repeating: "\u{1F642}", count: 100) + "\"",
    "\"" + String(repeating: "y", count: 100_000) + "\"",
  ]

  private mutating func header() -> String {
    var members = ["\"country\":\(pick(texts))"]
    if Bool.random(using: &random) { members.append("\"customer\":\(pick(texts))") }
    if Bool.random(using: &random) { members.append("\"time\":\(pick(Self.times))") }
    if Int.random(in: 0..<3, using: &random) == 0 {
      members.append(
        "\"kind\":" + pick(["\"sale\"", "\"return\"", "\"adjustment\"", "\"SALE\"", "1"]))
    }
    if Int.random(in: 0..<12, using: &random) == 0 { members.append(members[0]) }
    return "{" + members.shuffled(using: &random).joined(separator: ",") + "}"
  }

  private mutating func line() -> String {
    // Most are almost right, so that some become part of orders.
    let isMild = Bool.random(using: &random)
    let sku = isMild ? "\"A\"" : pick(texts)
    let description = isMild ? pick(Array(texts.prefix(10))) : pick(texts)
    let quantity = isMild ? pick(Array(Self.numbers.prefix(7))) : pick(Self.numbers)
    let price = isMild ? pick(Array(Self.amounts.prefix(7))) : pick(Self.amounts)
    return
      "{\"sku\":\(sku),\"description\":\(description),\"quantity\":\(quantity),\"unitPrice\":\(price)}"
  }

  private mutating func command() -> Request {
    let id = id()
    func post(_ name: String, _ body: String) -> Request {
      .http(method: "POST", path: "/orders/\(id)/\(name)", body: Array(body.utf8), order: id)
    }
    switch Int.random(in: 0..<10, using: &random) {
    case 0, 1: return post("create", header())
    case 2: return post("create", #"{"country":"France","customer":"c"}"#)
    case 3, 4, 5: return post("add-item", line())
    case 6: return post("complete", pick(["", "{}", "{\"a\":1}", "[]", "garbage}{"]))
    case 7: return post("cancel", "{\"reason\":\(pick(texts))}")
    default:
      var commands = [
        "{\"create\":\(Bool.random(using: &random) ? header() : "{\"country\":\"X\"}")}"
      ]
      for _ in 0..<Int.random(in: 0..<6, using: &random) {
        commands.append("{\"addItem\":\(line())}")
      }
      if Bool.random(using: &random) { commands.append("{\"complete\":{}}") }
      let other = pick(["", "\"other\":\(pick(Self.numbers)),"])
      return post("commands", "{\(other)\"commands\":[\(commands.joined(separator: ","))]}")
    }
  }

  /// JSON that is cut off, damaged, or nested without end.
  private mutating func broken() -> Request {
    guard case .http(let method, let path, let body?, let order) = command() else { return read() }
    var bytes = body
    switch Int.random(in: 0..<5, using: &random) {
    case 0: bytes = Array(bytes.prefix(Int.random(in: 0...bytes.count, using: &random)))
    case 1: bytes += Array("}]".utf8)
    case 2: bytes = Array(repeating: UInt8(ascii: "["), count: 100_000)
    case 3: bytes = Array(String(repeating: "{\"a\":", count: 50_000).utf8)
    default:
      for _ in 0..<3 where !bytes.isEmpty {
        bytes[Int.random(in: bytes.indices, using: &random)] = UInt8.random(
          in: 0...255, using: &random)
      }
    }
    return .http(method: method, path: path, body: bytes, order: order)
  }

  /// Close to what a body may have, or beyond it.
  private mutating func large() -> Request {
    largeOrders += 1
    let id = prefix + "large-\(largeOrders)"
    let item =
      "{\"addItem\":{\"sku\":\"A\",\"description\":\"\(String(repeating: "z", count: 990))\","
      + "\"quantity\":1,\"unitPrice\":\"1.25\"}}"
    let items = Array(repeating: item, count: largeOrders % 2 == 0 ? 5000 : 3000)
    let body =
      "{\"commands\":[{\"create\":{\"country\":\"X\"}},\(items.joined(separator: ",")),{\"complete\":{}}]}"
    return .http(
      method: "POST", path: "/orders/\(id)/commands", body: Array(body.utf8), order: id)
  }

  /// Reads with parameters that are out of range or none.
  mutating func read() -> Request {
    let number = pick([
      "0", "1", "-1", "18446744073709551615", "9223372036854775808", "4611686018427387904", "1e3",
      "x", "", "%00", "1000000",
    ])
    let path = pick([
      "/orders/\(id())", "/orders/\(id())/history", "/orders/%00", "/orders/%ff", "/orders/..%2f",
      "/orders/" + String(repeating: "a", count: 9000), "/events?after=\(number)",
      "/events?limit=\(number)", "/events?partition=\(number)",
      "/events?partitions=\(number),\(number)",
      "/events?partition=0&after=\(number)&limit=\(number)", "/events?store=\(number)",
      "/sales/days?limit=\(number)", "/orders?customer=%1b%5b2J&limit=\(number)",
      "/customers/%EF%BB%BF", "/orders/a?after=\(number)-\(number)&wait=\(number)",
      "/sales?after=0-\(number)&wait=0", "/store", "/readyz", "/nowhere", "//", "/?",
    ])
    return .http(
      method: pick(["GET", "GET", "GET", "HEAD", "PUT", "PATCH"]), path: path, body: nil, order: nil
    )
  }

  private mutating func raw() -> Request {
    let path = "/orders/\(prefix)raw/create"
    let body = #"{"country":"X"}"#
    let whole =
      "POST \(path) HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n"
      + "content-length: \(body.utf8.count)\r\n\r\n\(body)"
    switch Int.random(in: 0..<10, using: &random) {
    case 0, 1, 2, 3:
      let count = Int.random(in: 0..<whole.utf8.count, using: &random)
      return .raw(Array(whole.utf8.prefix(count)), isHeld: Bool.random(using: &random))
    case 4:
      let size = pick(["zz", "-1", "ffffffffffffffffff", "7fffffffffffffff", "1;\u{0}", ""])
      return .raw(
        Array(
          "POST \(path) HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n\(size)\r\nx\r\n"
            .utf8),
        isHeld: false)
    case 5:
      let length = pick(["-1", "x", "18446744073709551616", "9223372036854775807", "1, 2", ""])
      return .raw(
        Array("POST \(path) HTTP/1.1\r\nhost: a\r\ncontent-length: \(length)\r\n\r\n{}".utf8),
        isHeld: true)
    case 6:
      let field = "x: " + String(repeating: "y", count: 200_000)
      return .raw(Array("GET /store HTTP/1.1\r\nhost: a\r\n\(field)\r\n\r\n".utf8), isHeld: false)
    case 7:
      let encoding = pick(["xchunked", "gzip", "chunked, chunked", "identity"])
      return .raw(
        Array("POST \(path) HTTP/1.1\r\nhost: a\r\ntransfer-encoding: \(encoding)\r\n\r\n".utf8),
        isHeld: false)
    case 8:
      let count = Int.random(in: 1...4000, using: &random)
      return .raw((0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }, isHeld: false)
    default:
      return .raw(
        Array(String(repeating: "GET /readyz HTTP/1.1\r\nhost: a\r\n\r\n", count: 50).utf8),
        isHeld: false)
    }
  }
}
