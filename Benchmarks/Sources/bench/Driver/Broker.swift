import Dispatch
import Foundation

/// Where a measurement's events go.
struct Place {
  var brokers: String
  var topic: String
  /// Both, as the measurements take them.
  var words: [String] { [brokers, topic] }
  /// A consumer group that is deleted with the topic.
  func group(_ name: String) -> String { "\(topic).\(name)" }
}

extension Runner {
  /// Lets a topic be there for as long as `body` takes: of a development broker, or of the Kafka that is measured with.
  func withBroker<Result>(partitions: Int, _ body: (Place) throws -> Result) throws -> Result {
    if let existing {
      let topic = "eventually-bench-\(UUID().uuidString.prefix(8).lowercased())"
      let place = Place(brokers: existing, topic: topic)
      return try lasting(place, partitions: partitions, body)
    }
    let broker = try start(["broker", "orders", "\(partitions)"])
    let brokers = try broker.firstLine()
    let result = Swift.Result { try body(Place(brokers: brokers, topic: "orders")) }
    note(peak: try broker.stop().peak, of: "broker")
    return try result.get()
  }

  /// The topic is deleted where `body` fails and where this process is told to stop, too.
  private func lasting<Result>(
    _ place: Place, partitions: Int, _ body: (Place) throws -> Result
  ) throws -> Result {
    let (bench, folder) = (bench, folder)
    let interruptions = [SIGINT, SIGTERM].map { number in
      signal(number, SIG_IGN)
      let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
      source.setEventHandler {
        ChildProcess.killAll()
        do {
          try ChildProcess(bench, ["topic", "delete"] + place.words).wait()
        } catch {
          FileHandle.standardError.write(Data("\(place.topic) is left: \(error)\n".utf8))
        }
        try? FileManager.default.removeItem(at: folder)
        exit(128 + number)
      }
      source.resume()
      return (number, source)
    }
    defer {
      for (number, source) in interruptions {
        source.cancel()
        signal(number, SIG_DFL)
      }
    }
    try start(["topic", "create"] + place.words + ["\(partitions)"]).wait()
    let result = Swift.Result { try body(place) }
    try start(["topic", "delete"] + place.words).wait()
    return try result.get()
  }
}
