// swift-tools-version: 6.2
import PackageDescription

let package = Package(
  name: "eventually-benchmarks",
  platforms: [.macOS(.v26)],
  dependencies: [
    .package(name: "eventually", path: ".."),
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0"),
    .package(url: "https://github.com/apple/swift-log", from: "1.6.0"),
  ],
  targets: [
    // What the library is measured against: plain C on SQLite, libpq and librdkafka.
    .executableTarget(
      name: "reference",
      linkerSettings: [
        .linkedLibrary("sqlite3"), .linkedLibrary("rdkafka"), .linkedLibrary("pq"),
      ]),
    // Runs each measurement in a process of its own, in turns with its reference.
    .executableTarget(
      name: "bench",
      dependencies: [
        .product(name: "Eventually", package: "eventually"),
        .product(name: "EventuallySQLite", package: "eventually"),
        .product(name: "EventuallyPostgres", package: "eventually"),
        .product(name: "EventuallyKafka", package: "eventually"),
        .product(name: "Orders", package: "eventually"),
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "Logging", package: "swift-log"),
      ],
      swiftSettings: [
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("MemberImportVisibility"),
        .treatAllWarnings(as: .error),
      ]),
  ],
  swiftLanguageModes: [.v6],
  cLanguageStandard: .gnu17
)
