import Eventually
import Foundation
import HTTPTypes
import Testing

@testable import EventuallyServer

@Suite struct ConsoleSessionsTests {
  private typealias Key = ConsoleSessions.Key
  private let start = ContinuousClock.now
  private let token: BearerToken

  init() throws {
    token = try BearerToken("administer-me-please", from: "test", name: "ada")
  }

  @Test func aSessionEndsAfterTwelveHoursOrThirtyMinutesWithoutARequest() {
    var sessions = ConsoleSessions()
    let (busy, idle) = (Key("busy"), Key("idle"))
    sessions.begin(busy, token: token, csrf: "c", now: start)
    sessions.begin(idle, token: token, csrf: "d", now: start)
    #expect(sessions.use(Key("other"), now: start) == nil)
    #expect(sessions.use(busy, now: start)?.csrf == "c")
    var now = start
    while now - start + .seconds(29 * 60) < .seconds(12 * 3600) {
      now += .seconds(29 * 60)
      #expect(sessions.use(busy, now: now) != nil, "after \(now - start)")
    }
    #expect(sessions.use(idle, now: now) == nil)
    #expect(sessions.use(busy, now: start + .seconds(12 * 3600)) == nil)
    #expect(sessions.count == 0)
  }

  @Test func aUseCountsAndAnEndIsForGood() {
    var sessions = ConsoleSessions()
    sessions.begin(Key("a"), token: token, csrf: "c", now: start)
    #expect(sessions.use(Key("a"), now: start + .seconds(1799)) != nil)
    #expect(sessions.use(Key("a"), now: start + .seconds(1799 * 2)) != nil)
    sessions.end(Key("a"))
    #expect(sessions.use(Key("a"), now: start + .seconds(1799 * 2)) == nil)
  }

  @Test func theSessionThatWasUsedLeastRecentlyMakesRoom() {
    var sessions = ConsoleSessions()
    for number in 0..<ConsoleSessions.limit {
      sessions.begin(
        Key("\(number)"), token: token, csrf: "", now: start + .milliseconds(number))
    }
    let now = start + .seconds(10)
    #expect(sessions.use(Key("0"), now: now) != nil)
    sessions.begin(Key("new"), token: token, csrf: "", now: now)
    #expect(sessions.count == ConsoleSessions.limit)
    #expect(sessions.use(Key("1"), now: now) == nil)
    #expect(sessions.use(Key("0"), now: now) != nil && sessions.use(Key("new"), now: now) != nil)
  }

  @Test func tenAttemptsOfAnAddressMayFailWithinAMinute() {
    var sessions = ConsoleSessions()
    for second in 0..<ConsoleSessions.attempts {
      let mayTry = sessions.mayTry(from: "10.0.0.1", now: start + .seconds(second))
      #expect(mayTry)
      sessions.failed(from: "10.0.0.1", now: start + .seconds(second))
    }
    #expect(false == sessions.mayTry(from: "10.0.0.1", now: start + .seconds(59)))
    #expect(true == sessions.mayTry(from: "10.0.0.2", now: start + .seconds(59)))
    // The first attempt is a minute ago.
    #expect(true == sessions.mayTry(from: "10.0.0.1", now: start + .seconds(60)))
    sessions.failed(from: "10.0.0.1", now: start + .seconds(60))
    #expect(false == sessions.mayTry(from: "10.0.0.1", now: start + .seconds(60)))
  }

  @Test func addressesAreNotKeptForEver() {
    var sessions = ConsoleSessions()
    for number in 0..<10_000 { sessions.failed(from: "\(number)", now: start) }
    for _ in 0..<10 { sessions.failed(from: "x", now: start + .seconds(61)) }
    #expect(false == sessions.mayTry(from: "x", now: start + .seconds(61)))
    #expect(true == sessions.mayTry(from: "1", now: start + .seconds(61)))
  }

  /// Against a plain list, over many orders.
  @Test(arguments: 0..<20) func sessionsAreThoseOfAPlainList(_ seed: UInt64) {
    var generator = Seeded(state: seed)
    var sessions = ConsoleSessions()
    var plain: [Int: (begun: ContinuousClock.Instant, used: ContinuousClock.Instant)] = [:]
    var now = start
    for _ in 0..<2000 {
      now += .seconds(Int.random(in: 0...900, using: &generator))
      let number = Int.random(in: 0..<6, using: &generator)
      switch Int.random(in: 0..<4, using: &generator) {
      case 0:
        sessions.begin(Key("\(number)"), token: token, csrf: "", now: now)
        plain[number] = (now, now)
      case 1:
        sessions.end(Key("\(number)"))
        plain[number] = nil
      default:
        if let found = plain[number],
          now - found.begun >= .seconds(43200) || now - found.used >= .seconds(1800)
        {
          plain[number] = nil
        }
        let isThere = sessions.use(Key("\(number)"), now: now) != nil
        #expect(isThere == (plain[number] != nil))
        plain[number]?.used = now
      }
    }
  }
}

@Suite struct SessionCookieTests {
  @Test func aCookieIsFoundAmongOthers() throws {
    let name = SessionCookie.name(authority: "127.0.0.1:8080")
    #expect(name == "eventually-console-8080")
    #expect(SessionCookie.name(authority: "console.example") == "eventually-console")
    #expect(SessionCookie.name(authority: nil) == "eventually-console")
    func value(_ header: String) -> String? {
      SessionCookie.value(name, in: [.cookie: header])
    }
    #expect(value("\(name)=abc") == "abc")
    #expect(value("a=b; \(name)=abc=; c=d") == "abc=")
    #expect(value("a=b;\(name)=") == "")
    for header in ["", "=", ";;", name, "x\(name)=abc", "\(name)x=abc", "eventually-console=abc"] {
      #expect(value(header) == nil, "\(header)")
    }
  }

  @Test func secretsAreLongAndDiffer() {
    let secrets = (0..<100).map { _ in SessionCookie.newSecret() }
    #expect(Set(secrets).count == 100 && secrets.allSatisfy { $0.utf8.count == 64 })
    let header = SessionCookie.set("n", secrets[0], isEncrypted: true)
    #expect(header == "n=\(secrets[0]); Path=/console; HttpOnly; SameSite=Strict; Secure")
  }
}

/// Numbers that are the same for the same seed.
struct Seeded: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return state ^ (state >> 29)
  }
}
