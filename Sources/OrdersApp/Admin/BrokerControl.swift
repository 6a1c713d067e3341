import Eventually
import EventuallyKafka
import HTTPTypes
import Hummingbird

/// Makes a development cluster misbehave, over HTTP.
struct BrokerControl: Sendable {
  let cluster: DevelopmentCluster
  let topic: String

  func api() -> API {
    var api = API(
      title: "Eventually: development broker", summary: "Makes the development cluster misbehave.")
    func add(
      _ path: String, _ summary: String, _ action: @escaping @Sendable (Numbers) throws -> Void
    ) {
      api.add(
        API.Operation(
          method: .post, path: path, summary: summary,
          parameters: path.split(separator: "/").filter { $0.hasPrefix("{") }.map {
            .path(String($0.dropFirst().dropLast()), "A number", .integer(0...1_000_000))
          }, answers: [API.Answer(200, "Done"), API.Answer(422, "There is no such thing")]
        ) { _, context in
          do {
            try action(Numbers(context: context))
          } catch let error as KafkaError {
            throw HTTPError(.unprocessableContent, message: error.description)
          }
          return Reply { json in
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
    let context: BasicRequestContext

    subscript(name: String) -> Int32 {
      get throws {
        let text = try context.parameters.require(name)
        guard let number = Int32(text), (0...1_000_000).contains(number) else {
          throw HTTPError(
            .badRequest, message: "'\(text.prefix(40))' is not a number from 0 to 1000000")
        }
        return number
      }
    }
  }
}
