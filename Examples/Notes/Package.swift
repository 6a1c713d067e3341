// swift-tools-version: 6.2
import PackageDescription

let package = Package(
  name: "notes",
  platforms: [.macOS(.v26)],
  dependencies: [.package(name: "eventually", path: "../..")],
  targets: [
    .executableTarget(
      name: "notes",
      dependencies: [
        .product(name: "Eventually", package: "eventually"),
        .product(name: "EventuallyCommand", package: "eventually"),
        .product(name: "EventuallyServer", package: "eventually"),
      ],
      // The files of a page of the console.
      resources: [.copy("Pages/tags")])
  ]
)
