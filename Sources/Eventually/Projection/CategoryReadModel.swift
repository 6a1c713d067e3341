/// A read model of one category's events, in a store that has several: it gives another read model ids in place of streams'
/// names. Its events come by a ``CategoryCodec``.
package struct CategoryReadModel<Base: ReadModel>: ReadModel {
  private let base: Base
  private let category: StreamCategory

  package init(_ base: Base, category: StreamCategory) {
    self.base = base
    self.category = category
  }

  package var name: String { base.name }
  package var schemaVersion: Int { base.schemaVersion }
  package var tables: [any ReadModelRow.Type] { base.tables }

  package func project(_ event: Persisted<String, Base.Event>, into rows: Rows) throws {
    try base.project(event.named(in: category), into: rows)
  }

  package func forget(_ streamID: String, in rows: Rows) throws {
    guard let id = category.id(ofStream: streamID) else { return }
    try base.forget(id, in: rows)
  }
}
