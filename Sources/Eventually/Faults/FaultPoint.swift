/// A place in the code where a test can make its process fail, in the way that the environment variable
/// `EVENTUALLY_FAULTS` asks for; see ``FaultPlan``.
///
/// Where faults are not enabled, passing a point is one comparison.
package struct FaultPoint: Sendable, Hashable {
  /// How the environment names it.
  package let name: String
  /// What has happened, and what has not, when it is passed.
  package let meaning: String

  /// A point with a name that no other has.
  package init(_ name: String, _ meaning: String) {
    self.name = name
    self.meaning = meaning
  }

  /// Comes by the point: nothing happens, unless the plan has something for it.
  @inline(__always)
  package func pass() {
    if let plan = FaultPlan.current { plan.pass(name) }
  }

  /// Whether what is done here is to fail for a subject, such as a stream's id.
  @inline(__always)
  package func fails(for subject: String) -> Bool {
    guard let plan = FaultPlan.current else { return false }
    return plan.fails(name, for: subject)
  }
}
