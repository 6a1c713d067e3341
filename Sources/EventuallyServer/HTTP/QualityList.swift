/// A list of what an asker takes, as `Accept` and `Accept-Encoding` have it: `gzip;q=0.8, identity`.
struct QualityList: Sendable {
  /// The values in lower case, each with how much it is wanted, 0 for not at all.
  private let values: [(name: String, quality: Double)]

  init(_ text: String) {
    values = text.split(separator: ",").compactMap { element in
      let parts = element.split(separator: ";", omittingEmptySubsequences: false).map {
        $0.trimming { $0 == " " || $0 == "\t" }.lowercased()
      }
      guard let name = parts.first, !name.isEmpty else { return nil }
      let quality = parts.dropFirst().last { $0.hasPrefix("q=") }
        .map { Double($0.dropFirst(2)) ?? 0 }
      return (name, min(max(quality ?? 1, 0), 1))
    }
  }

  /// How much a value is wanted; `nil` where nothing is said of it.
  func quality(of name: String) -> Double? { values.first { $0.name == name }?.quality }

  /// The media type that is wanted most, the first of equals.
  /// - Returns: `nil` where none is taken.
  func best(of types: [String]) -> String? {
    if values.isEmpty { return types.first }
    var best: (type: String, quality: Double)?
    for type in types {
      let family = type.prefix { $0 != "/" }
      let quality = quality(of: type) ?? quality(of: "\(family)/*") ?? quality(of: "*/*") ?? 0
      if quality > best?.quality ?? 0 { best = (type, quality) }
    }
    return best?.type
  }

  /// Whether an answer may come, and had better come, in gzip.
  var prefersGzip: Bool {
    let gzip = quality(of: "gzip") ?? quality(of: "x-gzip") ?? quality(of: "*") ?? 0
    return gzip > 0 && gzip >= quality(of: "identity") ?? 0
  }
}
