import Eventually
import HTTPTypes

extension Console {
  /// The pipeline as it is now, its read models, and where a text leads.
  func addOverview(to api: inout API) {
    api.add(
      topic("overview") { _ in
        ConsoleTopic(name: "overview", event: "overview", interval: .milliseconds(250)) {
          await overview.pageFrame()
        }
      })
    api.add(
      question("read-models") { _ in
        let frame = await overview.frame()
        // None of those that there are: their list would say that there are none.
        if frame.look.readModels.isEmpty, !sources.readModels.isEmpty,
          let failure = frame.look.failures.last
        {
          throw RequestError(kind: .unavailable, "\(failure.what) can't be read: \(failure.why)")
        }
        return JSONResponse { json in
          json.beginObject()
          json.key("readModels")
          frame.writeReadModels(&json)
          json.endObject()
        }
      })
  }
}
