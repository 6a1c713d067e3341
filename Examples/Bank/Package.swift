// swift-tools-version: 6.2
import PackageDescription

let package = Package(
  name: "bank",
  platforms: [.macOS(.v26)],
  dependencies: [.package(name: "eventually", path: "../..")],
  targets: [
    .executableTarget(
      name: "bank",
      dependencies: [
        .product(name: "Eventually", package: "eventually"),
        .product(name: "EventuallyServer", package: "eventually"),
        .product(name: "EventuallyCommand", package: "eventually"),
      ]),
    .testTarget(
      name: "BankTests",
      dependencies: ["bank", .product(name: "EventuallyTesting", package: "eventually")]),
  ]
)
