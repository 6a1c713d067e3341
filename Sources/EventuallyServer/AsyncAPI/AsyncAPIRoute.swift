import Eventually

extension API {
  /// Adds `/asyncapi.json`.
  /// - Parameter partitions: how many partitions the topic has; `nil` while that is not known.
  mutating func addAsyncAPI(
    _ application: ApplicationModel, topic: String,
    partitions: @escaping @Sendable () -> Partition?
  ) {
    add(
      .vital(
        "/asyncapi.json", "The events on the topic, as AsyncAPI",
        answers: [Response(200, "The document", .object([.required("asyncapi", .string())]))]
      ) { _ in
        JSONResponse { $0.raw(application.asyncAPI(topic: topic, partitions: partitions())) }
      })
  }
}
