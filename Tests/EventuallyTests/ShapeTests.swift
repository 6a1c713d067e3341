import Eventually
import Foundation
import Testing

@Suite struct ShapeTests {
  private enum Size: String, Codable, CaseIterable { case small, large }
  private enum Plain: String, Codable { case only }

  private struct Line: Codable {
    var sku: String
    var units: Int32
    var price: Double?
  }

  private struct Body: Codable {
    var lines: [Line]
    var size: Size
    var note: String?
    var labels: [String: Int]
    var placed: Timestamp
    var id: UUID
    var isGift: Bool
    var many: [[UInt8]]?
  }

  @Test func membersAndTheirTypesAreFound() throws {
    #expect(
      try Shape(of: Body.self)
        == .object([
          .init(
            "lines",
            .list(
              .object([
                .init("sku", .string()),
                .init("units", .integer(minimum: Int64(Int32.min), maximum: UInt64(Int32.max))),
                .init("price", .number, isRequired: false),
              ]))),
          .init("size", .choice(["small", "large"])),
          .init("note", .string(), isRequired: false),
          .init("labels", .map(.integer(minimum: .min, maximum: UInt64(Int64.max)))),
          .init("placed", .string(format: "date-time")),
          .init("id", .string(format: "uuid")),
          .init("isGift", .boolean),
          .init("many", .list(.list(.integer(minimum: 0, maximum: 255))), isRequired: false),
        ]))
    #expect(try Shape(of: [String].self) == .list(.string()))
    #expect(try Shape(of: Int8.self) == .integer(minimum: -128, maximum: 127))
  }

  /// A tree.
  private struct Node: Codable {
    var name: String
    var children: [Node]
    var parent: [Node]?
  }

  @Test func aTypeThatHoldsItselfEnds() throws {
    #expect(
      try Shape(of: Node.self)
        == .object([
          .init("name", .string()), .init("children", .list(.any)),
          .init("parent", .list(.any), isRequired: false),
        ]))
  }

  private struct Positive: Codable {
    var value: Int
    init(from decoder: any Decoder) throws {
      value = try decoder.singleValueContainer().decode(Int.self)
      guard value > 0 else {
        throw DecodingError.dataCorrupted(.init(codingPath: [], debugDescription: "not positive"))
      }
    }
  }
  private struct Order: Codable { var lines: [Positive] }
  private struct Choice: Codable { var plain: Plain }

  @Test func aTypeThatTakesNoZeroIsNamed() throws {
    let error = #expect(throws: ShapeError.self) { try Shape(of: Choice.self) }
    #expect(error?.type == "Plain" && error?.path == ["plain"], "\(String(describing: error))")
    #expect(String(describing: error).contains("CaseIterable"))
    let deep = #expect(throws: ShapeError.self) { try Shape(of: [String: [Positive]].self) }
    #expect(deep?.type == "Positive", "\(String(describing: deep))")
  }

  private struct Quantity: Shaped {
    var value: Int
    static let shape = Shape.integer(minimum: 1, maximum: 10)
    static let example = Quantity(value: 1)
  }

  @Test func aTypeCanSayItself() throws {
    #expect(try Shape(of: [Quantity].self) == .list(.integer(minimum: 1, maximum: 10)))
  }
}
