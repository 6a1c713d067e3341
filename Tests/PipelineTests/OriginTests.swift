import AsyncHTTPClient
import Eventually
import Foundation
import HTTPTypes
import NIOCore
import NIOHTTP1
import Testing

@testable import EventuallyServer

/// What pages of other origins can have a browser send, and what answers say to browsers.
@Suite(.timeLimit(.minutes(5))) struct OriginTests {
  @Test func onlyTheServersOwnPagesAndThoseAllowedMayGiveCommands() {
    var policy = OriginPolicy()
    func allows(_ origin: String?, _ site: String?, _ authority: String? = "localhost:8080") -> Bool
    {
      policy.allows(origin: origin, fetchSite: site, authority: authority)
    }
    // Programs say nothing of it.
    #expect(allows(nil, nil))
    #expect(allows(nil, "none"))
    #expect(allows("http://localhost:8080", "same-origin"))
    #expect(allows("https://LOCALHOST:8080", nil))
    #expect(allows("http://shop.example", nil, "shop.example:80"))
    for site in ["cross-site", "same-site", "what"] { #expect(!allows(nil, site)) }
    for origin in [
      "http://localhost:8081", "http://evil.example", "null", "", "localhost:8080",
      "http://localhost:8080@evil.example", "http://localhost:8080/",
    ] { #expect(!allows(origin, nil), "\(origin)") }
    #expect(!allows("http://localhost:8080", nil, nil))
    policy.allowed = ["https://shop.example"]
    #expect(allows("https://shop.example:443", "cross-site"))
    #expect(!allows("http://shop.example", nil))
  }

  @Test func aPageOfAnotherOriginChangesNothing() async throws {
    let commands = Locked(0)
    var api = API(title: "test", summary: "test")
    api.add(
      API.Operation(
        .post, "/command", "", body: .object([]), answers: []
      ) { _ in
        commands.withLock { $0 += 1 }
        return JSONResponse { $0.bool(true) }
      })
    try await serving(api) { endpoint async throws -> Void in
      func status(_ headers: [(String, String)], body: String? = "{}") async throws -> Int {
        var request = HTTPClientRequest(url: endpoint.base + "/command")
        request.method = .POST
        request.headers = HTTPHeaders(headers)
        if let body { request.body = .bytes(ByteBuffer(string: body)) }
        let answer = try await HTTPClient.shared.execute(request, timeout: .seconds(10))
        #expect(answer.headers.first(name: "cache-control") == "no-store")
        #expect(answer.headers.first(name: "x-content-type-options") == "nosniff")
        return Int(answer.status.code)
      }
      for type in ["text/plain", "application/x-www-form-urlencoded", "", "application/jsonx"] {
        #expect(try await status([("content-type", type)]) == 415, "\(type)")
      }
      #expect(try await status([]) == 415)
      let json = ("content-type", "Application/JSON ; charset=utf-8")
      #expect(try await status([json, ("origin", "http://evil.example")]) == 403)
      #expect(try await status([json, ("sec-fetch-site", "cross-site")]) == 403)
      #expect(commands.withLock { $0 } == 0)
      #expect(try await status([json, ("origin", endpoint.base)]) == 200)
      #expect(try await status([json]) == 200)
      #expect(try await status([], body: nil) == 200)
    }
  }
}
