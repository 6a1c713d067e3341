public import Foundation

/// A page that an application adds to the console: JavaScript modules and style sheets of its own.
///
/// ```swift
/// ConsolePage("revenue", "Revenue", module: "revenue.js", in: .module)
/// ```
///
/// The module exports `show(place, context)`, which shows the page in an element and may return a function that stops it. Nothing from other
/// addresses is loaded, and no code or style within the page's elements.
public struct ConsolePage: Component {
  let id: String
  let title: String
  let module: String
  let files: [String: [UInt8]]
  /// What is wrong with how it is written.
  let problem: String?

  /// A page whose files lie in the folder of the page's id in a bundle: with
  /// `resources: [.copy("Pages/revenue")]` of the target, those of `Pages/revenue`.
  /// - Parameters:
  ///   - id: what its address has: 1 to 40 of `a-z 0-9 -`.
  ///   - title: what the list of pages calls it.
  ///   - module: the file that has `show`.
  ///   - bundle: `.module`.
  public init(_ id: String, _ title: String, module: String, in bundle: Bundle) {
    let folder = bundle.bundleURL.appending(path: id)
    var files: [String: [UInt8]] = [:]
    var failure: String?
    do {
      for name in try FileManager.default.contentsOfDirectory(atPath: folder.path()) {
        files[name] = [UInt8](try Data(contentsOf: folder.appending(path: name)))
      }
    } catch {
      failure = "its folder can't be read: \(error)"
    }
    self.init(id, title, module: module, files: files, failure: failure)
  }

  /// A page whose files are in the executable: with `resources: [.embedInCode("Pages/revenue.js")]` of the target,
  /// `PackageResources.revenue_js` are the bytes of one.
  /// - Parameters:
  ///   - id: what its address has: 1 to 40 of `a-z 0-9 -`.
  ///   - title: what the list of pages calls it.
  ///   - module: the name of the file that has `show`.
  ///   - files: the bytes of each, by its name.
  public init(_ id: String, _ title: String, module: String, files: [String: [UInt8]]) {
    self.init(id, title, module: module, files: files, failure: nil)
  }

  private init(
    _ id: String, _ title: String, module: String, files: [String: [UInt8]], failure: String?
  ) {
    self.id = id
    self.title = title
    self.module = module
    self.files = files
    let reason = failure ?? Self.problem(id, module, files)
    problem = reason.map { "the console's page '\(id)': \($0)" }
  }

  /// Adds the page.
  public func register(in registry: inout Registry) {
    registry.pages.append(self)
  }

  /// The console's own.
  private static let taken: Set<String> = [
    "overview", "streams", "stream", "event", "read-models", "read-model", "parked", "charts",
  ]

  private static func problem(_ id: String, _ module: String, _ files: [String: [UInt8]]) -> String?
  {
    let isName =
      (1...40).contains(id.utf8.count)
      && id.utf8.allSatisfy {
        (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) || $0 == UInt8(ascii: "-")
      }
    if !isName { return "its name must be 1 to 40 of a-z, 0-9 and '-'" }
    if taken.contains(id) { return "the console has a page of that name already" }
    if files[module] == nil { return "there is no file '\(module)'" }
    return nil
  }
}
