import Eventually
import EventuallyCommand
import Foundation

/// What a step did to the service.
struct HostFigures {
  var step: HostPlan.Step
  /// After how long those concerned said that they were not ready.
  var unready: Duration?
  /// After how long another writer published.
  var takeOver: Duration?
  /// How long after its end all were ready again.
  var ready = Duration.zero
  var gaps = ServiceGaps.Longest()

  static func table(_ figures: [HostFigures]) -> String {
    var table = TextTable(
      "", "lasts", "unready after", "other relay after", "ready after its end",
      "no command acknowledged for", "an event not in all read models for")
    for figure in figures {
      table.add(
        "\(figure.step.kind.rawValue) (\(figure.step.host + 1))", text(figure.step.length),
        text(figure.unready), text(figure.takeOver), text(figure.ready),
        text(figure.gaps.commands), text(figure.gaps.readModels))
    }
    return table.text
  }

  private static func text(_ duration: Duration?) -> String {
    duration.map { String(format: "%.1f s", Double($0.milliseconds) / 1000) } ?? "-"
  }
}
