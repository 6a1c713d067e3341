package import ArgumentParser

/// A whole number of the command line that carries its range: what is outside of it is refused where it is read.
///
///     @Option(help: "…", transform: Whole.init) var limit: Whole<0, 1_000_000> = 100
package struct Whole<let low: Int, let high: Int>: Sendable, Hashable {
  package let value: Int

  /// - Throws: ``NotInRange`` where the text is no whole number of the range.
  package init(_ text: String) throws {
    guard let value = Int(text), (low...high).contains(value) else {
      throw NotInRange(low: low, high: high)
    }
    self.value = value
  }

  package var seconds: Duration { .seconds(value) }
}

extension Whole: ExpressibleByIntegerLiteral {
  package init(integerLiteral value: Int) {
    precondition((low...high).contains(value), "a default is out of its own range")
    self.value = value
  }
}

extension Whole: CustomStringConvertible {
  package var description: String { "\(value)" }
}

/// The sequence number of an event; 2⁶² is beyond any that a store comes to.
package typealias SequenceNumber = Whole<1, 4_611_686_018_427_387_904>

/// A time span in seconds: ten years at most.
package typealias Seconds = Whole<0, 315_360_000>

/// A number with a range.
package protocol RangedNumber: CustomStringConvertible {}

extension Whole: RangedNumber {}

extension Option where Value: RangedNumber {
  /// An option that is a number with a default, which the help shows.
  ///
  /// By itself, it shows the default of what is `ExpressibleByArgument` only, and what is so can't say which numbers it takes. The
  /// initializer is passed, as otherwise: that of a generic `Value` finds large bounds changed (Swift 6.3.1).
  package init(
    wrappedValue: Value, name: NameSpecification = .long, help: ArgumentHelp,
    transform: @Sendable @escaping (String) throws -> Value
  ) {
    var help = help
    help.abstract += " (default: \(wrappedValue))"
    self.init(
      wrappedValue: wrappedValue, name: name, parsing: .next, help: help, completion: nil,
      transform: transform)
  }
}

/// A number is out of range, or is none.
package struct NotInRange: Error, CustomStringConvertible {
  var low: Int
  var high: Int

  package var description: String { "it must be a whole number from \(low) to \(high)" }
}
