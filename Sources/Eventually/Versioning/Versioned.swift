/// The version of a stream or of an aggregate: how many events it has.
///
/// Versions of a stream's events are 1, 2, 3 … without a gap; 0 is the version of a stream that has
/// no event yet.
public typealias Version = UInt64

/// A value that carries a version for optimistic concurrency control.
///
/// The counterpart of the Rust crate's `versioning::Versioned`.
public protocol Versioned {
  /// The version that the value has, 0 where nothing has happened yet.
  var version: Version { get }
}
