/// What a database of any kind refused or failed at.
public protocol DatabaseError: Error, Sendable, CustomStringConvertible {}
