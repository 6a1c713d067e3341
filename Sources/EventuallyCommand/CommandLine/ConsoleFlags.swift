import ArgumentParser
package import EventuallyServer

/// The console of a process.
package struct ConsoleFlags: ParsableArguments {
  package init() {}

  @Flag(
    help: ArgumentHelp(
      "Serve no console.",
      discussion: "It is at /console: the state of the pipeline, and its administration, as pages.")
  )
  var noConsole = false

  @Option(
    parsing: .singleValue,
    help: ArgumentHelp(
      "A member of events and states that the console shows to administrators only; may be repeated.",
      discussion: """
        Its category and its path, wherever that is in a payload or a state: --mask customer.address.street. An aggregate without a category goes by its name: --mask order.customer. The event feed and queries tell it to whoever has a token of the role read.
        """, valueName: "category.path"))
  var mask: [String] = []

  @Option(
    parsing: .singleValue,
    help: ArgumentHelp(
      "A column of read models that the console shows to administrators only; may be repeated.",
      valueName: "table.column"))
  var maskColumn: [String] = []

  /// - Parameters:
  ///   - store: the store, for a process that has only a writer's feed.
  ///   - readModels: the read models, for a process that has none.
  /// - Throws: `ApplicationError` where there is no such thing to mask.
  package func options(
    store: StoreLocation? = nil, readModels: ReadModelLocation? = nil
  ) throws -> ConsoleOptions {
    var options = ConsoleOptions()
    options.isServed = !noConsole
    options.store = store
    options.readModels = readModels
    if !mask.isEmpty || !maskColumn.isEmpty {
      try options.mask(members: mask, columns: maskColumn, of: try Program.current())
    }
    return options
  }
}
