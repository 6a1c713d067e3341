import Eventually
import EventuallySQLite
import Foundation
import HTTPTypes
import Testing

@testable import EventuallyServer

/// Lists in pages, and the forms of the event feed.
@Suite struct PageTests {
  private struct Answer {
    var status: Int
    var body: String
    var headers: HTTPFields
    var contentType: String

    /// The address of the next page.
    var next: String? {
      HTTPField.Name("link").flatMap { headers[$0] }?
        .wholeMatch(of: /<([^>]+)>; rel="next"/).map { String($0.1) }
    }
  }

  private func get(
    _ api: API, _ path: String, _ headers: HTTPFields = [:]
  ) async throws -> Answer {
    let answer = await api.answer(APIRequest(.get, path, headers: headers))
    let body = String(decoding: try await answer.wholeBody(), as: UTF8.self)
    return Answer(
      status: answer.status.code, body: body, headers: answer.fields,
      contentType: answer.contentType)
  }

  /// The members of all pages' elements, and how many pages there were.
  private func all(
    _ api: API, _ path: String, _ member: String, _ headers: HTTPFields = [:]
  ) async throws -> (values: [String], pages: Int) {
    var values: [String] = []
    var pages = 0
    var next: String? = path
    while let path = next, pages < 100 {
      let answer = try await get(api, path, headers)
      #expect(answer.status == 200, "\(path): \(answer)")
      let json = try JSONSerialization.jsonObject(with: Data(answer.body.utf8))
      let elements = try #require(json as? [[String: Any]], "\(path): \(answer)")
      values += elements.map { "\($0[member] ?? "")" }
      pages += 1
      next = answer.next
    }
    return (values, pages)
  }

  private func bank(_ owners: Int, limits: ServerLimits = ServerLimits()) async throws -> TestWriter
  {
    let bank = try await TestWriter(Bank(), limits: limits)
    for number in 0..<owners {
      let id = "o\(number)"
      #expect(try await bank.post("/accounts/\(id)/open", #"{"owner":"x"}"#).status == 200)
      let paid = try await bank.post("/accounts/\(id)/pay-in", #"{"cents":\#(number % 4 + 1)}"#)
      #expect(paid.status == 200)
    }
    return bank
  }

  @Test func aCursorIsReadAsItWasWritten() {
    for values in [
      [], [.null], [.integer(.min), .integer(.max), .text(""), .text("é\u{0}\"\n?>"), .null],
    ] as [[ColumnValue]] {
      let text = PageCursor(values).text
      #expect(PageCursor(text) == PageCursor(values))
      #expect(text.wholeMatch(of: /[A-Za-z0-9_-]+/) != nil, "\(text)")
    }
    for text in ["", "x", "!", "W10", "WzFd=", "e30", "WzEuNV0", "WzFdMQ"] {
      let cursor = PageCursor(text)
      #expect(
        cursor == nil || cursor == PageCursor(text: text), "\(text): \(String(describing: cursor))")
    }
  }

  @Test func aLinkKeepsTheRestOfTheAddress() {
    for (target, link) in [
      ("/a", "</a?cursor=n>"), ("/a?", "</a?cursor=n>"),
      ("/a?x=1&cursor=old&y=%20", "</a?x=1&y=%20&cursor=n>"), ("/a?cursor", "</a?cursor=n>"),
      ("/a?%63ursor=1", "</a?cursor=n>"), ("/a>b?\"=<é", "</a%3Eb?%22=%3C%C3%A9&cursor=n>"),
    ] {
      #expect(APIRequest(.get, target).link("cursor", "n") == "\(link); rel=\"next\"", "\(target)")
    }
  }

  @Test func theFormThatIsWantedMostIsChosen() {
    let types = ["application/x-ndjson", "application/json", "text/event-stream"]
    for (accept, type) in [
      ("", types[0]), ("*/*", types[0]), ("application/json", types[1]), ("text/*", types[2]),
      ("Text/Event-Stream", types[2]), ("application/*;q=0.5, text/event-stream", types[2]),
      ("application/json;q=0.9 , */*;q=0.1", types[1]), ("image/png", nil),
      ("application/x-ndjson;q=0, */*", types[1]), (";,;q=1", types[0]),
      ("application/json;q=x", nil),
    ] {
      #expect(QualityList(accept).best(of: types) == type, "\(accept)")
    }
    for (encodings, gzip) in [
      ("", false), ("gzip", true), ("GZIP;q=0.5", true), ("gzip;q=0", false), ("*", true),
      ("br, *;q=0.1", true), ("gzip;q=0, *", false), ("identity, gzip;q=0.5", false),
      ("x-gzip", true), ("br", false),
    ] {
      #expect(QualityList(encodings).prefersGzip == gzip, "\(encodings)")
    }
  }

  @Test func pagesOfAQueryTogetherAreTheList() async throws {
    let bank = try await bank(11)
    let api = try await bank.queries(of: "owners").api
    let whole = try await all(api, "/owners?limit=1000", "owner")
    #expect(whole.values.count == 11 && whole.pages == 1, "\(whole)")
    for (limit, pages) in [(1, 11), (2, 6), (10, 2), (11, 1)] {
      let list = try await all(api, "/owners?limit=\(limit)", "owner")
      #expect(list.values == whole.values && list.pages == pages, "\(limit): \(list)")
    }
    for cursor in ["", "x", "W10", "WyJhIiwiYiJd", "WzFd"] {
      let answer = try await get(api, "/owners?cursor=\(cursor)")
      #expect(answer.status == 422 && answer.body.contains(#""parameter":"cursor""#), "\(answer)")
    }
    // A place of which the row is gone, or never was, is a place all the same.
    let place = PageCursor([.integer(4), .text("o3x")]).text
    #expect(try await all(api, "/owners?cursor=\(place)", "owner").values.first == "o7")
    let document = String(decoding: api.openAPI, as: UTF8.self)
    #expect(
      document.contains(##""type":"array","items":{"$ref":"#/components/schemas/OwnerRow"}"##))
  }

  @Test func aHistoryComesWholeOrInPages() async throws {
    let bank = try await bank(1)
    for _ in 0..<5 {
      #expect(try await bank.post("/accounts/o0/pay-in", #"{"cents":1}"#).status == 200)
    }
    let path = "/accounts/o0/history"
    #expect(try await all(bank.api, path, "version").values == (1...7).map(String.init))
    for (limit, pages) in [(1, 7), (3, 3), (7, 1), (100, 1)] {
      let list = try await all(bank.api, "\(path)?limit=\(limit)", "version")
      #expect(list.values == (1...7).map(String.init) && list.pages == pages, "\(limit): \(list)")
    }
    #expect(try await all(bank.api, "\(path)?after=5", "version").values == ["6", "7"])
    let end = try await get(bank.api, "\(path)?after=7&limit=2")
    #expect(end.status == 200 && end.body == "[]\n" && end.headers[.eTag] == #""7""#, "\(end)")
    #expect(try await get(bank.api, "/accounts/none/history?after=7").status == 404)
    #expect(try await get(bank.api, "\(path)?limit=0").status == 400)
  }

  @Test func theFeedIsLinesOrPages() async throws {
    let bank = try await bank(20)
    let lines = try await get(bank.api, "/events?limit=3")
    #expect(lines.contentType == "application/x-ndjson" && lines.headers[.vary] == "Accept")
    #expect(lines.body.split(separator: "\n").count == 3 && lines.next == nil, "\(lines)")
    let json: HTTPFields = [.accept: "application/json"]
    let whole = try await all(bank.api, "/events", "sequenceNumber", json)
    #expect(whole.values == (1...40).map(String.init) && whole.pages == 1, "\(whole)")
    let pages = try await all(bank.api, "/events?limit=7", "sequenceNumber", json)
    #expect(pages.values == whole.values && pages.pages == 6, "\(pages)")
    var parts: [String] = []
    for partition in 0..<4 {
      let path = "/events?partition=\(partition)&limit=2"
      let found = try await all(bank.api, path, "position", json)
      #expect(found.values == (0..<found.values.count).map { "\($0 + 1)" }, "\(found)")
      parts += try await all(
        bank.api, "/events?partitions=\(partition)&limit=3", "sequenceNumber", json
      ).values
    }
    #expect(Set(parts) == Set(whole.values) && parts.count == 40)
    let end = try await get(bank.api, "/events?after=40", json)
    #expect(end.body == "[]\n" && end.next == nil, "\(end)")
  }
}

extension PageCursor {
  /// A cursor whose text is this one, padding aside.
  fileprivate init?(text: String) {
    guard let cursor = PageCursor(text), cursor.text == text.replacing("=", with: "") else {
      return nil
    }
    self = cursor
  }
}
