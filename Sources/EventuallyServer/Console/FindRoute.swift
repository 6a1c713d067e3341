import Eventually
import HTTPTypes

extension Console {
  /// Where a text leads that somebody types: to an event by its sequence number, or to a stream.
  func addFind(to api: inout API) {
    // A browser takes the page's part of the address along: `api/writer#/event/…`.
    api.add(
      question("writer") { _ in
        guard let feed = sources.feed else {
          throw RequestError(
            kind: .notFound, "this process has no writer's feed: start it with --feed")
        }
        var response = JSONResponse(.temporaryRedirect) { $0.null() }
        response.headers[.location] = "\(feed.base)/console/"
        return response
      })
    api.add(
      question("find") { request in
        let log = try await sources.store()
        if try request.parameter("sequence") != nil {
          let number = try request.number("sequence", in: 1...(1 << 62))
          let records = try await log.records(of: .store, after: number - 1, limit: 1, bytes: 1)
          return JSONResponse { json in
            json.beginObject()
            json.string("event", records.first?.id.description)
            json.endObject()
          }
        }
        guard let stream = try request.parameter("stream") else {
          throw RequestError(
            kind: .invalidRequest, "name a 'sequence' number or a 'stream'", parameter: "stream")
        }
        let isThere = try await log.version(ofStream: stream) > 0
        return JSONResponse { json in
          json.beginObject()
          json.member("streams", isThere ? [stream] : [])
          json.endObject()
        }
      })
  }
}
