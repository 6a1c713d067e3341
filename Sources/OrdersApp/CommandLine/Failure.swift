import Foundation

/// An error for people at a terminal: what is wrong, and what to do.
struct Failure: Error, LocalizedError, CustomStringConvertible {
  var description: String

  init(_ description: String) {
    self.description = description
  }

  var errorDescription: String? { description }
}
