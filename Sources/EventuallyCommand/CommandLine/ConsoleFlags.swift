import ArgumentParser
package import EventuallyServer

/// The console of a process.
package struct ConsoleFlags: ParsableArguments {
  package init() {}

  @Flag(
    help: ArgumentHelp(
      "Serve no console.",
      discussion: "It is at /console: the state of the pipeline, and its administration, as pages."))
  var noConsole = false

  /// - Parameters:
  ///   - store: the store, for a process that has only a writer's feed.
  ///   - readModels: the read models, for a process that has none.
  package func options(
    store: StoreLocation? = nil, readModels: ReadModelLocation? = nil
  ) -> ConsoleOptions {
    var options = ConsoleOptions()
    options.isServed = !noConsole
    options.store = store
    options.readModels = readModels
    return options
  }
}
