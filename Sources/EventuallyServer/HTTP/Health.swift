import Eventually
import Hummingbird

extension API {
  /// Adds `/healthz`, which tells whether all of the process's long-running loops are alive.
  mutating func addHealth(_ heartbeats: Heartbeats) {
    add(
      .vital(
        "/healthz", "Whether the process works: 503 where one of its loops hangs, with the reason",
        answers: [
          Response(200, "All loops are alive", Self.healthSchema)
            .example(["status": "ok", "reasons": [], "loops": [Self.loop]]),
          Response(503, "A loop is late", Self.healthSchema).example([
            "status": "failing",
            "reasons": ["the loop relay has given no sign of life for 31 s, more than 30 s"],
            "loops": [Self.loop],
          ]),
        ]
      ) { _ in Self.health(heartbeats.loops()) })
  }

  private static let loop: Example = [
    "name": "relay", "activity": "waiting", "millisecondsAgo": 120,
  ]
  private static let healthSchema = Schema.named(
    "Health",
    .object([
      .required("status", .string(values: ["ok", "failing"])),
      .required("reasons", .array(.string(minimum: 1))),
      .required(
        "loops",
        .array(
          .named(
            "Loop",
            .object([
              .required("name", .string(minimum: 1)), .required("activity", .string(minimum: 1)),
              .required("millisecondsAgo", .integer(0...(1 << 62))),
            ])))),
    ]))

  /// Whether a process is ready, and what it says besides.
  /// - Parameter ready: an answer of a process that is ready.
  static func readiness(
    _ name: String, statuses: [String] = ["ready", "not ready"], _ members: [Schema.Member],
    ready: Example
  ) -> [Response] {
    let schema = Schema.named(
      name,
      .object(
        [
          .required("status", .string(values: statuses)),
          .required("reasons", .array(.string(minimum: 1))),
        ] + members))
    return [
      Response(200, "Ready", schema).example(ready),
      Response(503, "Not ready, with the reasons", schema),
    ]
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
