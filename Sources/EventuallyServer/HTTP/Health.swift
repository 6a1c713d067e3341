import Eventually
import Hummingbird

extension API {
  /// Adds `/healthz`, which tells whether all of the process's long-running loops are alive.
  mutating func addHealth(_ heartbeats: Heartbeats) {
    add(
      .vital(
        "/healthz", "Whether the process works: 503 where one of its loops hangs, with the reason",
        answers: [Response(200, "All loops are alive"), Response(503, "A loop is late")]
      ) { _ in Self.health(heartbeats.loops()) })
  }

  private static func health(_ loops: [Heartbeats.Loop]) -> JSONResponse {
    let late = loops.filter(\.isLate)
    return JSONResponse(late.isEmpty ? .ok : .serviceUnavailable) { json in
      json.beginObject()
      json.member("status", late.isEmpty ? "ok" : "failing")
      json.member(
        "reasons",
        late.map { loop in
          "the loop \(loop.name) has given no sign of life for \(loop.age.components.seconds) s, "
            + "more than \(loop.limit.components.seconds) s"
        })
      json.key("loops")
      json.beginArray()
      for loop in loops {
        json.beginObject()
        json.member("name", loop.name)
        json.member("activity", loop.activity.rawValue)
        json.member("millisecondsAgo", loop.age.milliseconds)
        json.endObject()
      }
      json.endArray()
      json.endObject()
    }
  }
}
