/// Something that is wrong with how an application is put together. Every command of it says so.
public struct ApplicationError: Error, Sendable, CustomStringConvertible {
  /// What is wrong, and what to do.
  public var description: String

  init(_ description: String) {
    self.description = description
  }
}
