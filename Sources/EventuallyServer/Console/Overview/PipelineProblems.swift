import Eventually

/// What is wrong with a pipeline, as the console says it, for the command line.
package enum PipelineProblems {
  /// A line for each, the worst first.
  /// - Parameters:
  ///   - store: the store, which must exist.
  ///   - readModels: those that were never begun are left out.
  package static func lines(
    of application: ApplicationModel, store: StoreLocation, readModels: ReadModelLocation
  ) async -> [String] {
    var options = ConsoleOptions()
    options.store = store
    let process = ConsoleProcess(kind: "command", name: ProcessState.name)
    let sources = ConsoleSources(
      ConsoleParts(application: application, process: process, readModels: readModels),
      options: options)
    var look = await PipelineWatch(sources, process: process).look()
    look.readModels.removeAll { $0.generation == nil }
    // It looks once, and can't wait to see what passes.
    return ProblemMemory.sorted(Problem.find(in: look), at: look.time).map { problem in
      let command =
        problem.command.isEmpty
        ? "" : ": \(([application.adminCommand] + problem.command).joined(separator: " "))"
      return
        "\(problem.severity.rawValue): \(problem.what): \(problem.why). \(problem.todo)\(command)"
    }
  }
}
