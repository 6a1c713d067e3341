import Foundation

/// An error of a command: what is wrong, and what to do.
package struct Failure: Error, LocalizedError, CustomStringConvertible {
  package var description: String

  package init(_ description: String) {
    self.description = description
  }

  package var errorDescription: String? { description }
}
