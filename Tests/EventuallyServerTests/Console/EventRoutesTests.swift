import Eventually
import EventuallySQLite
import EventuallyTesting
import Foundation
import HTTPTypes
import Logging
import Testing

@testable import EventuallyServer

/// The way of an event, and what its routes find, without a server.
@Suite(.timeLimit(.minutes(5))) struct EventRoutesTests {
  private struct Served {
    let bank: TestWriter
    let routes: API

    /// - Parameter amounts: what is paid in to the first account once both are there.
    init(_ amounts: Int...) async throws {
      bank = try await TestWriter(Bank())
      for owner in ["a", "b"] {
        #expect(try await bank.post("/accounts/\(owner)/open", #"{"owner":"x"}"#).status == 200)
        #expect(try await bank.post("/accounts/\(owner)/pay-in", #"{"cents":5}"#).status == 200)
      }
      for cents in amounts {
        #expect(try await bank.post("/accounts/a/pay-in", #"{"cents":\#(cents)}"#).status == 200)
      }
      _ = try await bank.queries(of: "owners")
      var api = try bank.writer.api()
      api.console.readModels = .folder("\(bank.folder)/read-models")
      api.console.questionLimit = .seconds(60)
      let console = try #require(
        Console(of: api, isLoopback: true, isEncrypted: false, logger: Logger(label: "test")))
      routes = console.routes
    }

    func get(_ path: String) async throws -> (status: Int, json: [String: Any]) {
      var request = APIRequest(.get, "/console/api/\(path)")
      request.asker = Asker(role: .administer)
      let response = await routes.answer(request)
      let json = try JSONSerialization.jsonObject(with: Data(try await response.wholeBody()))
      return (response.status.code, try #require(json as? [String: Any]))
    }
  }

  @Test func anEventsWayIsTold() async throws {
    let served = try await Served()
    let found = try await served.get("find?sequence=2")
    let id = try #require(found.json["event"] as? String)
    var way: [String: Any] = [:]
    // On a busy machine the time of a search may end before it has seen all.
    try await waitUntil("a search of all", seen: { "\(way)" }) {
      let answer = try await served.get("events/\(id)")
      #expect(answer.status == 200)
      way = answer.json
      return (way["searched"] as? [String: Any])?["all"] as? Bool == true
    }
    let event = try #require(way["event"] as? [String: Any])
    #expect(event["id"] as? String == id && event["sequenceNumber"] as? Int == 2)
    #expect(event["type"] as? String == "deposited" || event["type"] is String)
    let changes = try #require(way["changes"] as? [[String: Any]])
    #expect(changes.contains { $0["path"] as? String == "cents" }, "\(changes)")
    let published = try #require(way["published"] as? [String: Any])
    #expect(published["state"] as? String == "waiting")
    let models = try #require(way["readModels"] as? [[String: Any]])
    let owners = try #require(models.first { $0["readModel"] as? String == "owners" })
    #expect(owners["state"] as? String == "applied", "\(models)")
    let rows = try #require(owners["rows"] as? [[String: Any]])
    #expect(rows.count == 1 && rows[0]["table"] as? String == "owners", "\(rows)")
    #expect(rows[0]["key"] as? [String] == ["a"], "\(rows)")
    #expect(owners["exact"] as? Bool == true)
    #expect(rows[0]["before"] is NSNull)
    #expect((rows[0]["after"] as? [String: Any])?["cents"] as? Int == 5, "\(rows)")
    for model in models where model["readModel"] as? String != "owners" {
      #expect(model["state"] as? String == "unknown", "\(model)")
    }
  }

  /// What is parked and what was given up are told apart.
  @Test func whatIsNotAppliedIsTold() async throws {
    let served = try await Served()
    let record = try #require(
      try await served.bank.writer.store.log.records(after: 1, limit: 1).first)
    let (position, stream) = (record.position, record.streamID)
    let live = try SQLiteConnection(
      path: "\(served.bank.folder)/read-models/owners/live-v1.sqlite", mode: .readWrite)
    try live.execute(
      """
      INSERT INTO parked_streams VALUES ('\(stream)', \(position.partition), 'it does not fit', 5);
      INSERT INTO parked_events VALUES ('\(stream)', \(position.partitionOffset), \(position.partition),
        \(position.sequenceNumber), \(position.version), x'00', 't', 5, x'', NULL)
      """)
    #expect(try await owners(served, record.id)["state"] as? String == "parked")
    #expect(try await owners(served, record.id)["why"] as? String == "it does not fit")
    try live.execute(
      """
      INSERT INTO dropped_events SELECT partition, position, stream, 'why' FROM parked_events;
      DELETE FROM parked_events; DELETE FROM parked_streams
      """)
    #expect(try await owners(served, record.id)["state"] as? String == "discarded")
    let summary = try await served.get("events/\(record.id)").json["summary"] as? [String: Any]
    #expect(summary?["state"] as? String == "discarded", "\(summary ?? [:])")
    #expect(summary?["readModels"] as? [String] == ["owners"])
  }

  /// The batch in which an event was parked is not when it was applied, and what it changed was not what the order of the store has.
  @Test func aRetryIsNotTheBatchThatTheEventWasIn() async throws {
    let served = try await Served()
    let record = try #require(
      try await served.bank.writer.store.log.records(after: 1, limit: 1).first)
    let position = record.position
    let definition = try #require(served.bank.writer.application.readModel("owners"))
    let catalog = definition.catalog(in: .folder("\(served.bank.folder)/read-models"))
    var report = WorkerReport()
    report.generation = 1
    let batch = Timestamp(microseconds: record.time.microseconds + 2_000)
    try await catalog.reports?.report(
      report, of: "w",
      applied: [
        AppliedRun(
          partition: position.partition, epoch: 1, positions: 1...position.partitionOffset,
          times: batch...batch)
      ])
    let before = try await owners(served, record.id)
    #expect(before["worker"] as? String == "w" && before["time"] as? String == batch.description)
    #expect(before["retried"] == nil && before["exact"] as? Bool == true, "\(before)")
    try await retry(record, in: served) {
      let parked = try await owners(served, record.id)
      #expect(parked["state"] as? String == "parked")
    }
    let after = try await owners(served, record.id)
    #expect(after["state"] as? String == "applied" && after["retried"] as? Bool == true)
    #expect(after["time"] as? String != batch.description, "\(after)")
    #expect(after["exact"] as? Bool == false)
    let rows = try #require(after["rows"] as? [[String: Any]])
    #expect(rows.first?["key"] as? [String] == ["a"], "\(rows)")
    #expect(rows.allSatisfy { $0["before"] == nil && $0["after"] == nil }, "\(rows)")
  }

  /// An event that was retried came to the rows after others: what those found is not known.
  @Test func rowsAreNotExactWhereAnEarlierEventWasRetried() async throws {
    let served = try await Served(7)
    let records = try await served.bank.writer.store.log.records(after: 0, limit: 5)
    let (first, retried, last) = (records[1], records[3], records[4])
    for record in [first, last] {
      let found = try await owners(served, record.id)
      #expect(found["exact"] as? Bool == true, "\(found)")
    }
    try await retry(retried, in: served)
    let earlier = try await owners(served, first.id)
    #expect(earlier["exact"] as? Bool == true, "\(earlier)")
    let later = try await owners(served, last.id)
    #expect(later["exact"] as? Bool == false, "\(later)")
    let rows = try #require(later["rows"] as? [[String: Any]])
    #expect(rows.first?["key"] as? [String] == ["a"] && rows.first?["before"] == nil, "\(rows)")
  }

  /// Parks an event as a worker does, and applies it as a retry does.
  private func retry(
    _ record: EventRecord, in served: Served, whileParked: () async throws -> Void = {}
  ) async throws {
    let (position, stream) = (record.position, record.streamID)
    let definition = try #require(served.bank.writer.application.readModel("owners"))
    let catalog = definition.catalog(in: .folder("\(served.bank.folder)/read-models"))
    let live = try SQLiteConnection(
      path: "\(served.bank.folder)/read-models/owners/live-v1.sqlite", mode: .readWrite)
    try live.execute(
      """
      INSERT INTO parked_streams VALUES ('\(stream)', \(position.partition), 'it does not fit', 5);
      INSERT INTO parked_events VALUES ('\(stream)', \(position.partitionOffset), \(position.partition),
        \(position.sequenceNumber), \(position.version), x'00', 't', 5, x'', NULL)
      """)
    await catalog.noteRetry(
      of: stream, in: try await catalog.reader(of: 1, readers: 1, timeLimit: nil), to: 1)
    try await whileParked()
    try live.execute("DELETE FROM parked_events; DELETE FROM parked_streams")
  }

  private func owners(_ served: Served, _ id: EventID) async throws -> [String: Any] {
    let models = try await served.get("events/\(id)").json["readModels"] as? [[String: Any]]
    return try #require(models?.first { $0["readModel"] as? String == "owners" })
  }

  /// What led to an event, and what followed from it and from that.
  @Test func causesAndEffectsAreTold() async throws {
    let served = try await Served()
    let log = served.bank.writer.store.log
    var ids = [try #require(try await log.records(after: 1, limit: 1).first).id]
    for _ in 0..<3 {
      let metadata = EventMetadata(
        causationID: ids.last?.description, additional: ["holder": "the shop"])
      let answer = try await EventMetadata.$current.withValue(metadata) {
        try await served.bank.post("/accounts/b/pay-in", #"{"cents":1}"#)
      }
      #expect(answer.status == 200)
      let head = try await log.head()
      ids.append(try #require(try await log.records(after: head - 1, limit: 1).first).id)
    }
    let first = try await served.get("events/\(ids[0])").json
    var effects = try #require(first["effects"] as? [[String: Any]])
    for id in ids.dropFirst() {
      #expect(effects.map { $0["id"] as? String } == [id.description])
      effects = effects.first?["effects"] as? [[String: Any]] ?? []
    }
    let last = try await served.get("events/\(ids[3])").json
    let causes = try #require(last["causes"] as? [[String: Any]])
    #expect(causes.map { $0["id"] as? String } == ids.dropLast().reversed().map(\.description))
    #expect((last["command"] as? [String: Any])?["holder"] as? String == "the shop")
  }

  @Test func onlyWhatIsThereIsFound() async throws {
    let served = try await Served()
    #expect(try await served.get("events/\(EventID(time: .now()))").status == 404)
    #expect(try await served.get("events/x").status == 404)
  }

  /// An event is found by its id wherever it is, also where the writer's clock has stepped.
  @Test func eventsAreFoundByTheirIDs() async throws {
    let bank = try await TestWriter(Bank())
    for number in 0..<150 {
      _ = try await bank.post("/accounts/\(number)/open", #"{"owner":"x"}"#)
    }
    let finder = EventFinder(store: bank.writer.store.log)
    let records = try await finder.store.records(after: 0, limit: 1_000)
    #expect(records.count == 150)
    for record in records { #expect(try await finder.event(record.id) == record) }
    // The ids' times are right, those of the events not.
    try SQLiteConnection(path: "\(bank.folder)/store.sqlite", mode: .readWrite).execute(
      "UPDATE events SET time = time - 5000000 WHERE sequence % 40 < 20")
    for record in records {
      #expect(try await finder.event(record.id)?.position == record.position)
    }
    #expect(try await finder.event(EventID(high: .max, low: .max)) == nil)
    #expect(try await finder.event(EventID(high: 0, low: 0)) == nil)
  }
  /// An import appends thousands of events in a millisecond.
  @Test func eventsOfOneMillisecondAreFound() async throws {
    let bank = try await TestWriter(Bank())
    _ = try await bank.post("/accounts/a/open", #"{"owner":"x"}"#)
    let commands = [String](repeating: #"{"payIn":{"cents":1}}"#, count: 300)
    let answer = try await bank.post(
      "/accounts/a/commands", #"{"commands":[\#(commands.joined(separator: ","))]}"#)
    #expect(answer.status == 200, "\(answer)")
    var finder = EventFinder(store: bank.writer.store.log)
    finder.slack = 10
    let records = try await finder.store.records(after: 0, limit: 1_000)
    #expect(records.count == 301)
    for record in records { #expect(try await finder.event(record.id) == record) }
  }
}
