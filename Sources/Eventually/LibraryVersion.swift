/// The version of this package.
public enum LibraryVersion {
  /// The version, as in `CHANGELOG.md`.
  public static let current = "0.2.0"
}
