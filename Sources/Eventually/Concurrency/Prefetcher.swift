/// Gets one element ahead of whoever takes them: the next one is on its way while this one is worked on. What is on its way is
/// cancelled with this.
package final class Prefetcher<Element: Sendable> {
  private let get: @Sendable () async throws -> Element?
  private var task: Task<Element?, any Error>?

  /// - Parameter get: gets the next element; `nil` at the end.
  package init(_ get: @escaping @Sendable () async throws -> Element?) {
    self.get = get
  }

  deinit { task?.cancel() }

  private func begin() -> Task<Element?, any Error> {
    Task { [get] in try await get() }
  }

  /// The next element; `nil` at the end.
  package func next() async throws -> Element? {
    let current = task ?? begin()
    task = nil
    let element = try await withTaskCancellationHandler {
      try await current.value
    } onCancel: {
      current.cancel()
    }
    if element != nil { task = begin() }
    return element
  }
}
