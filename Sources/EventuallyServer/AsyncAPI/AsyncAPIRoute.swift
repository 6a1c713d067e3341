import Eventually

extension API {
  /// Adds `/asyncapi.json`.
  /// - Parameter partitions: how many partitions the topic has; `nil` while that is not known.
  mutating func addAsyncAPI(
    _ application: ApplicationModel, topic: String,
    partitions: @escaping @Sendable () -> Partition?
  ) {
    // Made at the start, since the application's own code takes part, and once for each number of partitions.
    let begin = partitions()
    let documents = Locked([begin: application.asyncAPI(topic: topic, partitions: begin)])
    add(
      .vital(
        "/asyncapi.json", "The events on the topic, as AsyncAPI",
        answers: [Response(200, "The document", .object([.required("asyncapi", .string())]))]
      ) { _ in
        let count = partitions()
        let document = documents.withLock { known in
          let document = known[count] ?? application.asyncAPI(topic: topic, partitions: count)
          known[count] = document
          return document
        }
        return JSONResponse { $0.raw(document) }
      })
  }
}
