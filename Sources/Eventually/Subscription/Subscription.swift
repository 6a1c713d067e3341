/// A reader of a log that keeps its place.
///
/// After the Rust crate's `Subscription`: ``resume()`` begins with what comes after the last checkpoint, and
/// ``checkpoint(_:)`` records what has been applied. A subscription that has no checkpoint yet begins with
/// the first entry; that is not the same as a checkpoint at some position, and is never confused with it.
public protocol Subscription<Element>: Sendable {
  /// What is delivered.
  associatedtype Element: Sendable
  /// What a checkpoint says.
  associatedtype Position: Sendable
  /// Deliveries without an end, read as fast as they are consumed and no faster.
  associatedtype Deliveries: AsyncSequence<Element, any Error>

  /// Begins after the last checkpoint. One run at a time.
  func resume() async throws -> Deliveries

  /// Records that everything up to `position` has been applied.
  func checkpoint(_ position: Position) async throws
}
