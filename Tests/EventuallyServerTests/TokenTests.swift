import Eventually
import Foundation
import HTTPTypes
import Logging
import Testing

@testable import EventuallyServer

/// Files of tokens, and what requests have to carry.
@Suite struct TokenTests {
  private static let file = """
    # who        may        with
    prometheus   read       read-0123456789abcdef

      shop\twrite\twrite-0123456789abcdef
    ann@example.org administer admin-0123456789abcdef
    """

  private static let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

  private func list(_ text: String) throws -> TokenList { try TokenList(text, path: "tokens") }

  private func problem(_ text: String) -> String {
    do {
      _ = try list(text)
      return ""
    } catch {
      return "\(error)"
    }
  }

  @Test func aFileNamesTokensWithTheirRoles() throws {
    let tokens = try list(Self.file).tokens
    #expect(tokens.map(\.name) == ["prometheus", "shop", "ann@example.org"])
    #expect(tokens.map(\.role) == [.read, .write, .administer])
    #expect(try list(Self.file.replacing("\n", with: "\r\n")).tokens.count == 3)
  }

  @Test(arguments: ["0123456789abcdef", "\n 0123456789abcdef\r\n", "# old\n0123456789abcdef\n"])
  func oneTokenAloneMayDoEverything(_ text: String) throws {
    let tokens = try list(text).tokens
    #expect(tokens.map(\.text) == ["0123456789abcdef"])
    #expect(tokens.map(\.role) == [.administer] && tokens.map(\.name) == [nil])
  }

  @Test(arguments: [
    ("", "the token file tokens holds no token"), ("# nothing\n", "holds no token"),
    ("short", "tokens:1 holds no token: 16 to 512"), ("a read short", "tokens:1 holds no token"),
    (
      "a read secret-0123456789\na write secret-9876543210",
      "tokens:2: line 1 has a token of that name"
    ),
    (
      "a read secret-0123456789\n\nb write secret-0123456789", "tokens:3: line 1 has the same token"
    ),
    (
      "a wirte secret-0123456789",
      "tokens:1: the second word is none of the roles read, write, administer: did you mean 'write'?"
    ),
    ("a Admin secret-0123456789", "did you mean 'administer'?"),
    ("secret-0123456789 a read", "the second word is none of the roles"),
    ("a secret-0123456789 read", "the second word is none of the roles read, write, administer"),
    ("a anyone secret-0123456789", "none of the roles"),
    (
      "secret-0123456789\nsecret-9876543210",
      "tokens:1: a line is NAME ROLE TOKEN, and this one has 1 words"
    ),
    ("a read secret-0123456789 # why", "tokens:1: a line is NAME ROLE TOKEN"),
    ("a:b read secret-0123456789", "tokens:1: a name is 1 to 64 letters"),
    ("a read secret-0123456789é", "tokens:1 holds no token"),
  ])
  func whatIsWrongIsToldByItsLineAndWithoutTheToken(_ text: String, _ words: String) {
    let problem = problem(text)
    #expect(problem.contains(words), "\(problem)")
    #expect(!problem.contains("secret") && !problem.contains("short"), "\(problem)")
  }

  @Test func noDescriptionShowsTheSecret() throws {
    let secret = "secret-0123456789abcdef"
    let token = try BearerToken(secret, from: "test", name: "ann", role: .read)
    var endpoint = try #require(HTTPEndpoint("http://localhost:1"))
    endpoint.token = secret
    var dumped = ""
    dump((token, [token], endpoint, FeedSource.writer(endpoint)), to: &dumped)
    let texts = [
      "\(token)", "\(Optional(token) as Any)", "\([token])", String(reflecting: token), dumped,
      "\(try list("ann read \(secret)"))", "\(AccessTokens([token]))", "\(endpoint)",
      String(reflecting: endpoint), "\(FeedSource.writer(endpoint))",
    ]
    for text in texts { #expect(!text.contains("secret") && !text.isEmpty, "\(text)") }
    #expect(texts[0].contains("ann") && dumped.contains("ann"))
  }

  private func challenge(
    _ tokens: AccessTokens, _ header: String?, _ role: AccessRole
  ) -> (status: Int, challenge: String)? {
    var headers = HTTPFields()
    headers[.authorization] = header
    do {
      _ = try tokens.admit(headers, as: role)
      return nil
    } catch {
      return (error.status.code, error.headers[.wwwAuthenticate] ?? "")
    }
  }

  @Test func whatARequestLacksIsToldAsRFC6750HasIt() throws {
    let tokens = AccessTokens(try list(Self.file).tokens)
    let realm = #"Bearer realm="eventually""#
    for header in [
      nil, "", "Bearer", "Bearer ", "Basic read-0123456789abcdef", "Bearerread-0123456789abcdef",
    ] {
      let found = try #require(challenge(tokens, header, .read), "\(header ?? "none")")
      #expect(found == (401, realm), "\(header ?? "none"): \(found)")
    }
    for wrong in ["read-0123456789abcde", "read-0123456789abcdef0", "read-0123456789abcdeF", "x"] {
      let found = try #require(challenge(tokens, "Bearer \(wrong)", .read))
      #expect(found == (401, realm + #", error="invalid_token""#), "\(found)")
    }
    for form in ["Bearer", "bearer", "BEARER "] {
      #expect(challenge(tokens, "\(form) read-0123456789abcdef", .read) == nil)
    }
    let few = try #require(challenge(tokens, "Bearer read-0123456789abcdef", .write))
    #expect(few == (403, realm + #", error="insufficient_scope", scope="write""#), "\(few)")
    #expect(challenge(tokens, nil, .anyone) == nil)
    #expect(challenge(tokens, "Bearer nonsense", .anyone) == nil)
    for (index, held) in AccessRole.ofTokens.enumerated() {
      let text = try list(Self.file).tokens[index].text
      for needed in AccessRole.ofTokens {
        #expect((challenge(tokens, "Bearer \(text)", needed) == nil) == (held >= needed))
      }
    }
  }

  // MARK: - Changes of the file

  /// A folder with a file `tokens`, to which a link leads by way of another one, as Kubernetes has it.
  private func withMount(
    _ text: String, _ body: (_ path: String, _ exchange: (String?) throws -> Void) throws -> Void
  ) throws {
    let manager = FileManager.default
    let folder = manager.temporaryDirectory.appending(path: "tokens-\(UUID())").path()
    try manager.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? manager.removeItem(atPath: folder) }
    var count = 0
    func exchange(_ text: String?) throws {
      count += 1
      try manager.createDirectory(atPath: "\(folder)/..\(count)", withIntermediateDirectories: true)
      if let text { try Data(text.utf8).write(to: URL(filePath: "\(folder)/..\(count)/tokens")) }
      try manager.createSymbolicLink(
        atPath: "\(folder)/..data_tmp", withDestinationPath: "..\(count)")
      #expect(rename("\(folder)/..data_tmp", "\(folder)/..data") == 0)
    }
    try exchange(text)
    try manager.createSymbolicLink(
      atPath: "\(folder)/tokens", withDestinationPath: "..data/tokens")
    try body("\(folder)/tokens", exchange)
  }

  @Test func aChangedFileIsReadAgainAndAFaultyOneIsNot() throws {
    try withMount("a read first-0123456789abcdef") { path, exchange in
      let log = RecordedLog()
      let tokens = try AccessTokens(file: path, logger: log.logger)
      func isKnown(_ text: String) -> Bool { challenge(tokens, "Bearer \(text)", .read) == nil }
      let pass = try #require(
        try tokens.admit([.authorization: "Bearer first-0123456789abcdef"], as: .read))
      tokens.check()
      #expect(log.messages(.error).isEmpty)

      try exchange("a read second-0123456789abcdef")
      tokens.check()
      #expect(isKnown("first-0123456789abcdef"), "once it was seen, it may still be written")
      tokens.check()
      #expect(!isKnown("first-0123456789abcdef") && isKnown("second-0123456789abcdef"))
      #expect(!pass.isValid, "what was open ends")

      try exchange("a raed second-0123456789abcdef")
      for _ in 0..<5 { tokens.check() }
      #expect(isKnown("second-0123456789abcdef"))
      #expect(log.messages(.error).count == 1, "\(log.messages(.error))")
      #expect(log.messages(.error).first?.contains("did you mean 'read'?") == true)

      try exchange(nil)
      for _ in 0..<5 { tokens.check() }
      #expect(isKnown("second-0123456789abcdef"))
      #expect(log.messages(.error).last?.contains("is gone") == true)
      #expect(log.messages(.error).count == 2)

      try exchange("a read third-0123456789abcdef")
      for _ in 0..<2 { tokens.check() }
      #expect(isKnown("third-0123456789abcdef") && !isKnown("second-0123456789abcdef"))
      #expect(!log.all.contains { $0.contains("0123456789abcdef") }, "\(log.all)")
    }
  }

  @Test func aTokenWithALesserRoleThanBeforeEndsWhatItHadOpen() throws {
    try withMount("a write first-0123456789abcdef") { path, exchange in
      let tokens = try AccessTokens(file: path, logger: Self.quiet)
      let headers: HTTPFields = [.authorization: "Bearer first-0123456789abcdef"]
      let pass = try #require(try tokens.admit(headers, as: .write))
      let reading = try #require(try tokens.admit(headers, as: .read))
      try exchange("a read first-0123456789abcdef")
      for _ in 0..<2 { tokens.check() }
      #expect(!pass.isValid && reading.isValid)
    }
  }

  @Test func aFileThatAllMayReadIsToldOf() throws {
    try withMount("first-0123456789abcdef") { path, _ in
      let log = RecordedLog()
      #expect(chmod(path, 0o644) == 0)
      _ = try AccessTokens(file: path, logger: log.logger)
      #expect(log.messages(.warning).count == 1, "\(log.all)")
      #expect(chmod(path, 0o640) == 0)
      _ = try AccessTokens(file: path, logger: log.logger)
      #expect(log.messages(.warning).count == 1, "\(log.all)")
    }
  }

  @Test func everySequenceOfChangesLeadsToTheLastOnesContent() {
    let stamps: [Int?] = [nil, 0, 1]
    for number in 0..<2187 {
      let sequence = (0..<7).map { stamps[number / Int(pow(3, Double($0))) % 3] }
      var watch = FileWatch<Int>(known: [0])
      var (known, before): (Int?, Int?) = (0, 0)
      for stamp in sequence {
        let action = watch.check([stamp])
        if stamp != known, stamp == before {
          #expect(action == (stamp == nil ? .missing(0) : .read), "\(sequence)")
          known = stamp
        } else {
          #expect(action == .nothing, "\(sequence)")
        }
        before = stamp
      }
    }
  }

  @Test func whatCouldNotBeReadIsTriedAgainThoughItLooksTheSame() throws {
    try withMount("first") { path, exchange in
      let log = RecordedLog()
      let isReadable = Locked(true)
      let files = try FollowedFiles("words", in: [path], logger: log.logger) {
        () throws(Failure) in
        guard isReadable.withLock({ $0 }) else { throw Failure("too many open files") }
        return FileManager.default.contents(atPath: path).map {
          String(decoding: $0, as: UTF8.self)
        }
      }
      isReadable.withLock { $0 = false }
      try exchange("second")
      for _ in 0..<5 { files.check() }
      #expect(files.current == "first")
      #expect(log.messages(.error).count == 1, "\(log.messages(.error))")
      isReadable.withLock { $0 = true }
      files.check()
      #expect(files.current == "second")
      for _ in 0..<5 { files.check() }
      #expect(log.messages(.notice).count == 1, "\(log.messages(.notice))")
    }
  }

  @Test func filesThatBelongTogetherAreReadTogether() {
    var watch = FileWatch<Int>(known: [1, 1])
    #expect(watch.check([2, 1]) == .nothing)
    #expect(watch.check([2, 2]) == .nothing)
    #expect(watch.check([2, 2]) == .read)
    #expect(watch.check([2, nil]) == .nothing)
    #expect(watch.check([2, nil]) == .missing(1))
    #expect(watch.check([2, nil]) == .nothing)
  }
}

/// What was logged.
final class RecordedLog: Sendable {
  private struct Handler: LogHandler {
    let log: RecordedLog
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.trace

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
      get { metadata[key] }
      set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
      log.entries.withLock {
        $0.append((event.level, "\(event.message) \(event.metadata ?? [:])"))
      }
    }
  }

  private let entries = Locked<[(level: Logger.Level, text: String)]>([])

  var logger: Logger { Logger(label: "test") { _ in Handler(log: self) } }

  var all: [String] { entries.withLock { $0.map(\.text) } }

  func messages(_ level: Logger.Level) -> [String] {
    entries.withLock { $0.filter { $0.level == level }.map(\.text) }
  }
}
