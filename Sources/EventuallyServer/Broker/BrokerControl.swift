import Eventually
package import EventuallyKafka
import HTTPTypes

/// Makes a development cluster misbehave, over HTTP.
package struct BrokerControl: Sendable {
  private let cluster: DevelopmentCluster
  private let topic: String

  package init(cluster: DevelopmentCluster, topic: String) {
    self.cluster = cluster
    self.topic = topic
  }

  package func api() -> API {
    var api = API(
      title: "Eventually: development broker", summary: "Makes the development cluster misbehave.")
    func add(
      _ path: String, _ summary: String, _ action: @escaping @Sendable (Numbers) throws -> Void
    ) {
      api.add(
        API.Operation(
          .post, path, summary,
          parameters: path.split(separator: "/").filter { $0.hasPrefix("{") }.map {
            .path(String($0.dropFirst().dropLast()), "A number", .integer(0...1_000_000))
          }, answers: [API.Response(200, "Done"), API.Response(422, "There is no such thing")]
        ) { request in
          do {
            try action(Numbers(request: request))
          } catch let error as KafkaError {
            throw RequestError(.unprocessableContent, error.description)
          }
          return JSONResponse { json in
            json.beginObject()
            json.endObject()
          }
        })
    }
    add("/brokers/{broker}/down", "Take a broker down") {
      try cluster.setBroker(try $0["broker"], isUp: false)
    }
    add("/brokers/{broker}/up", "Bring a broker up again") {
      try cluster.setBroker(try $0["broker"], isUp: true)
    }
    add("/brokers/{broker}/rtt/{milliseconds}", "Delay all answers of a broker") {
      try cluster.setRoundTrip(of: try $0["broker"], milliseconds: try $0["milliseconds"])
    }
    add("/partitions/{partition}/leader/{broker}", "Make a broker the leader of a partition") {
      try cluster.setLeader(of: try $0["partition"], in: topic, to: try $0["broker"])
    }
    add("/errors/produce/{code}/{count}", "Let produce requests fail") {
      cluster.fail(.produce, code: try $0["code"], count: Int(try $0["count"]))
    }
    add("/errors/fetch/{code}/{count}", "Let fetch requests fail") {
      cluster.fail(.fetch, code: try $0["code"], count: Int(try $0["count"]))
    }
    return api
  }

  /// The numbers in a path.
  private struct Numbers {
    let request: APIRequest

    subscript(name: String) -> Int32 {
      get throws {
        let text = try request.path(name)
        guard let number = Int32(text), (0...1_000_000).contains(number) else {
          throw RequestError(
            .badRequest, "'\(text.prefix(40))' is not a number from 0 to 1000000")
        }
        return number
      }
    }
  }
}
