import Eventually

/// What readers without the administrative role are not shown: members of events and states, and columns of read models.
///
/// A member is named by its category and its path, `orders.customer` or `orders.address.street`; of the unnamed category, by the
/// aggregate's name in lower case. The path is meant wherever it is in a payload or a state, below other members and in arrays too. A column
/// is named by its table. Where something of a category is masked, a state or payload that has no members is masked as a whole.
package struct Masking: Sendable, Hashable {
  private struct Member: Sendable, Hashable {
    var category: String
    var path: [ByteKey]
  }

  private struct Column: Sendable, Hashable {
    var table: ByteKey
    var column: ByteKey
  }

  private var members: Set<Member> = []
  private var columns: Set<Column> = []

  /// Nothing is masked.
  package init() {}

  /// - Parameters:
  ///   - members: each as `category.member.path`.
  ///   - columns: each as `table.column`.
  /// - Throws: ``ApplicationError`` where the application has no such category, table or column: a slip must not show what was to be masked.
  package init(
    members: [String], columns: [String], of application: ApplicationModel
  ) throws(ApplicationError) {
    for text in members {
      let parts = text.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
      guard let aggregate = application.aggregate(parts[0]), parts.count > 1,
        !parts.contains(where: { $0.isEmpty || $0.contains("[") })
      else {
        throw ApplicationError(
          "the mask '\(text)' must be a category and a member of its events or states, such as "
            + "'\(application.aggregates[0].label).name'")
      }
      self.members.insert(
        Member(category: aggregate.category.name, path: parts.dropFirst().map { ByteKey($0) }))
    }
    let tables = application.readModels.flatMap { $0.anyModel.tables.map { $0.schema } }
    for text in columns {
      let parts = text.split(separator: ".", maxSplits: 1).map(String.init)
      guard parts.count == 2,
        tables.contains(where: { table in
          table.name == parts[0] && table.columns.contains { $0.name == parts[1] }
        })
      else {
        throw ApplicationError(
          "the mask '\(text)' must be a table and a column of it: there are "
            + tables.map(\.name).joined(separator: ", "))
      }
      self.columns.insert(Column(table: ByteKey(parts[0]), column: ByteKey(parts[1])))
    }
  }

  /// What a role is shown. Whoever may administer is shown all.
  package func view(for role: AccessRole) -> View {
    View(masking: role >= .administer ? Masking() : self)
  }

  /// Whether a request's asker sees everything.
  static func isAdministrator(_ request: APIRequest) -> Bool { request.asker.role >= .administer }

  /// What one reader is shown.
  package struct View: Sendable {
    fileprivate let masking: Masking

    /// Everything.
    package static let all = Masking().view(for: .administer)

    /// What of an event's payload or a state is shown.
    package struct Shown: Sendable, Hashable {
      /// JSON without the masked members; what is no JSON is as it was, and empty where something of it would have to be masked.
      package var json: [UInt8]
      /// The paths of the members that were left out, as `lines[2].sku`; the empty one for the whole.
      package var masked: [String] = []
    }

    /// Leaves the masked members out of a payload or a state.
    package func show(_ json: [UInt8], ofStream stream: String) -> Shown {
      let paths = paths(ofStream: stream)
      if paths.isEmpty { return Shown(json: json) }
      var masked: [String] = []
      do {
        var reader = JSONReader(json.span)
        let value = reader.slice(try reader.skip())
        try reader.finish()
        var writer = JSONWriter()
        try Self.copy(value, at: "", names: [], paths, &writer, &masked)
        return masked.isEmpty ? Shown(json: json) : Shown(json: writer.bytes, masked: masked)
      } catch {
        // It can't be told what is in it.
        return Shown(json: [], masked: [""])
      }
    }

    /// Whether a member is hidden, by the path that ``JSONMembers`` give it.
    package func isMasked(path: String, ofStream stream: String) -> Bool {
      let paths = paths(ofStream: stream)
      if paths.isEmpty { return false }
      // A name may have dots itself: rather too much is masked than too little.
      let names = path.split(separator: ".").map { part in
        ByteKey(String(part.prefix { $0 != "[" }))
      }
      return names.allSatisfy(\.text.isEmpty)
        || names.indices.contains { end in
          paths.contains { Self.ends(names[...end], with: $0) }
        }
    }

    /// Whether words of code that works on a stream's events are shown, such as why one can't be applied: they may quote a member.
    package func showsReasons(ofStream stream: String) -> Bool { paths(ofStream: stream).isEmpty }

    /// Whether a column is hidden.
    package func isMasked(column: String, ofTable table: String) -> Bool {
      masking.columns.contains(Column(table: ByteKey(table), column: ByteKey(column)))
    }

    private func paths(ofStream stream: String) -> [[ByteKey]] {
      if masking.members.isEmpty { return [] }
      let category = StreamCategory.of(stream: stream)?.name
      // Of a stream that is of no category it is not known what its members mean.
      return masking.members.filter { category == nil || $0.category == category }.map(\.path)
    }

    private static func ends(_ names: some BidirectionalCollection<ByteKey>, with path: [ByteKey])
      -> Bool
    { names.suffix(path.count).elementsEqual(path) }

    private static func copy(
      _ json: [UInt8], at path: String, names: [ByteKey], _ paths: [[ByteKey]],
      _ writer: inout JSONWriter, _ masked: inout [String]
    ) throws {
      var reader = JSONReader(json.span)
      switch json.first {
      case UInt8(ascii: "{"):
        try reader.beginObject()
        writer.beginObject()
        while let key = try reader.nextKey() {
          let name = reader.name(key)
          let member = path.isEmpty ? name : "\(path).\(name)"
          let value = reader.slice(try reader.skip())
          let names = names + [ByteKey(name)]
          if paths.contains(where: { ends(names, with: $0) }) {
            masked.append(member)
          } else {
            writer.key(named: name)
            try copy(value, at: member, names: names, paths, &writer, &masked)
          }
        }
        writer.endObject()
      case UInt8(ascii: "["):
        try reader.beginArray()
        writer.beginArray()
        var index = 0
        while try reader.nextElement() {
          try copy(
            reader.slice(try reader.skip()), at: "\(path)[\(index)]", names: names, paths, &writer,
            &masked)
          index += 1
        }
        writer.endArray()
      case _ where names.isEmpty:
        // What no path names.
        masked.append(path)
        writer.null()
      default: writer.raw(json)
      }
    }
  }
}
