import Eventually
import EventuallyServer
import Foundation
import HTTPTypes
import Logging
import ServiceLifecycle
import Testing

@testable import EventuallyCommand

/// What a service manager is told, and when.
@Suite struct ServiceManagerTests {
  private func status(_ url: String?, _ isReady: Bool, _ body: String) -> ServerStatus {
    ServerStatus(url: url, readiness: (isReady, [UInt8](body.utf8)))
  }

  private let starting = #"{"status":"starting","reasons":["the writer does not answer"]}"#

  @Test func aStatusIsALine() {
    let writer = #"{"status":"ready","reasons":[],"head":12,"published":10,"backlog":2}"#
    #expect(
      status("http://h:1", true, writer).description
        == "serving http://h:1, ready, head 12, published 10")
    let worker =
      #"{"status":"not ready","reasons":["a","b"],"readModel":"sales","lag":3,"brokerLag":null}"#
    #expect(
      status("http://h:2", false, worker).description
        == "serving http://h:2, not ready, sales, lag 3: a; b")
    #expect(
      status(nil, false, starting).description == "starting: the writer does not answer")
    #expect(status("http://h:3", true, "no JSON").description == "serving http://h:3, ready")
    #expect(
      ServerStatus(url: "http://h:4", readiness: nil).description == "serving http://h:4, ready")
  }

  @Test func aStartIsOverOnceAllServersAreReady() {
    var start = ServiceStart()
    let ready = status("http://h:1", true, "{}")
    let first = start.observe([ready, status(nil, true, "{}")], after: .zero)
    #expect(first?.text == "STATUS=serving http://h:1, ready; starting")
    #expect(!start.isOver)
    let unready = status("http://h:2", false, starting)
    #expect(start.observe([ready, unready], after: .seconds(1))?.lines.count == 1)
    // Nothing new.
    #expect(start.observe([ready, unready], after: .seconds(2)) == nil)
    let last = start.observe([ready, status("http://h:2", true, "{}")], after: .seconds(3))
    #expect(last?.lines.first == "READY=1")
    #expect(start.isOver)
    // A process that has started may become unready, and is not started a second time.
    #expect(start.observe([ready, unready], after: .seconds(4))?.lines.count == 1)
    #expect(start.isOver)
    #expect(start.observe([ready, ready], after: .seconds(5))?.lines.count == 1)
  }

  /// What it waits for may be nobody's fault here.
  @Test func aStartIsOverAfterTheLimitWhereItServes() {
    let unready = status("http://h:1", false, starting)
    var start = ServiceStart()
    #expect(start.observe([unready], after: ServiceStart.limit - .seconds(1))?.lines.count == 1)
    #expect(start.observe([unready], after: ServiceStart.limit)?.text == "READY=1")
    var silent = ServiceStart()
    #expect(silent.observe([status(nil, false, starting)], after: .seconds(3600))?.lines.count == 1)
    #expect(!silent.isOver)
    // One that serves nothing has nothing to wait for.
    var broker = ServiceStart()
    #expect(broker.observe([], after: .zero)?.text == "READY=1")
  }

  @Test func aStatusIsShortAndOneLine() {
    var notification = ServiceNotification()
    notification.add(status: "a\nREADY=1\u{1B}" + String(repeating: "é", count: 5_000))
    #expect(notification.text.utf8.count <= 1_004)
    #expect(!notification.text.contains("\n") && !notification.text.contains("\u{1B}"))
  }

  @Test func theWatchdogIsThisProcesss() {
    func interval(_ environment: [String: String]) -> Duration? {
      ServiceManagerNotifier<ContinuousClock>.watchdog(environment)
    }
    let process = "\(ProcessInfo.processInfo.processIdentifier)"
    #expect(interval(["WATCHDOG_USEC": "3000000"]) == .milliseconds(1500))
    #expect(interval(["WATCHDOG_USEC": "3000000", "WATCHDOG_PID": process]) == .milliseconds(1500))
    #expect(interval(["WATCHDOG_USEC": "3000000", "WATCHDOG_PID": "1"]) == nil)
    for none in ["", "0", "-5", "1", "many", "99999999999999999999"] {
      #expect(interval(["WATCHDOG_USEC": none]) == nil, "\(none)")
    }
    #expect(interval([:]) == nil)
  }

  @Test func aSocketThatIsNoneIsNone() {
    let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    func isThere(_ name: String?) -> Bool {
      NotifySocket(environment: name.map { ["NOTIFY_SOCKET": $0] } ?? [:], logger: logger) != nil
    }
    #expect(!isThere(nil) && !isThere("") && !isThere("vsock:2:1234") && !isThere("run/notify"))
    #expect(!isThere("/" + String(repeating: "x", count: 107)))
    #expect(isThere("/" + String(repeating: "x", count: 106)))
    #expect(isThere("@name"))
    // Nobody listens: that is no reason to stop.
    let socket = NotifySocket(environment: ["NOTIFY_SOCKET": "@eventually-nobody"], logger: logger)
    #expect(socket?.send(.watchdog) == false)
  }
}
