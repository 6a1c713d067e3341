// swift-tools-version: 6.2
import PackageDescription

/// Set by `deploy/sanitize`: a lock that the thread sanitizer knows.
let threadSanitizer: [SwiftSetting] =
  Context.environment["EVENTUALLY_THREAD_SANITIZER"] == nil ? [] : [.define("THREAD_SANITIZER")]

/// Set by `deploy/fuzz` to the library with libFuzzer's loop: an executable runs the fuzz targets, in place of the tests
/// that run the same code for a moment.
let libFuzzer = Context.environment["EVENTUALLY_FUZZ"]
/// To tell libFuzzer what code an input reaches. Only compiled with it: linked with it, there were two functions `main`.
let coverage: [SwiftSetting] =
  libFuzzer == nil ? [] : [.unsafeFlags(["-sanitize=fuzzer", "-enable-testing"])]

let strict: [SwiftSetting] =
  threadSanitizer + coverage + [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableExperimentalFeature("Lifetimes"),
    .treatAllWarnings(as: .error),
  ]

func library(
  _ name: String, _ dependencies: [Target.Dependency] = [], exclude: [String] = [],
  resources: [Resource] = []
) -> Target {
  .target(
    name: name, dependencies: dependencies, exclude: exclude, resources: resources,
    swiftSettings: strict)
}

func executable(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .executableTarget(name: name, dependencies: dependencies, swiftSettings: strict)
}

func tests(
  _ name: String, _ dependencies: [Target.Dependency], resources: [Resource] = []
) -> Target {
  .testTarget(
    name: name, dependencies: dependencies, resources: resources, swiftSettings: strict)
}

let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")
let lifecycle: Target.Dependency = .product(
  name: "ServiceLifecycle", package: "swift-service-lifecycle")
let signals: Target.Dependency = .product(
  name: "UnixSignals", package: "swift-service-lifecycle")
let tracing: Target.Dependency = .product(name: "Tracing", package: "swift-distributed-tracing")
let metrics: Target.Dependency = .product(name: "CoreMetrics", package: "swift-metrics")
let metricsTestKit: Target.Dependency = .product(
  name: "MetricsTestKit", package: "swift-metrics")
let arguments: Target.Dependency = .product(
  name: "ArgumentParser", package: "swift-argument-parser")
let http: Target.Dependency = .product(name: "Hummingbird", package: "hummingbird")
let httpCore: Target.Dependency = .product(name: "HummingbirdCore", package: "hummingbird")
let httpTypes: Target.Dependency = .product(name: "HTTPTypes", package: "swift-http-types")
let httpClient: Target.Dependency = .product(
  name: "AsyncHTTPClient", package: "async-http-client")
let nio: Target.Dependency = .product(name: "NIOCore", package: "swift-nio")
let nioPosix: Target.Dependency = .product(name: "NIOPosix", package: "swift-nio")
let nioEmbedded: Target.Dependency = .product(name: "NIOEmbedded", package: "swift-nio")
let nioHTTP: Target.Dependency = .product(name: "NIOHTTP1", package: "swift-nio")
let nioSSL: Target.Dependency = .product(name: "NIOSSL", package: "swift-nio-ssl")
let nioTLS: Target.Dependency = .product(name: "NIOTLS", package: "swift-nio")
let nioHTTPTypes: Target.Dependency = .product(
  name: "NIOHTTPTypes", package: "swift-nio-extras")
let configuration: Target.Dependency = .product(
  name: "Configuration", package: "swift-configuration")
let subprocess: Target.Dependency = .product(name: "Subprocess", package: "swift-subprocess")
let system: Target.Dependency = .product(name: "SystemPackage", package: "swift-system")

let fuzzed: [Target.Dependency] = [
  "Eventually", "EventuallyKafka", "EventuallyServer", "Orders",
]
let fuzzing: Target =
  if let libFuzzer {
    .executableTarget(
      name: "fuzz", dependencies: fuzzed, path: "Fuzz",
      exclude: ["Corpus", "QuickTests.swift", "dictionary"], swiftSettings: strict,
      linkerSettings: [.unsafeFlags([libFuzzer]), .linkedLibrary("stdc++")])
  } else {
    .testTarget(
      name: "FuzzingTests", dependencies: fuzzed + ["EventuallyTesting"], path: "Fuzz",
      exclude: ["Corpus", "LibFuzzer.swift", "dictionary"], swiftSettings: strict)
  }

let package = Package(
  name: "eventually",
  // `isolated deinit` needs that; locks, atomics and integers of 128 bits need macOS 15.
  platforms: [.macOS("15.4")],
  products: [
    .library(name: "Eventually", targets: ["Eventually"]),
    .library(name: "EventuallySQLite", targets: ["EventuallySQLite"]),
    .library(name: "EventuallyPostgres", targets: ["EventuallyPostgres"]),
    .library(name: "EventuallyKafka", targets: ["EventuallyKafka"]),
    .library(name: "EventuallyServer", targets: ["EventuallyServer"]),
    .library(name: "EventuallyCommand", targets: ["EventuallyCommand"]),
    .library(name: "EventuallyTesting", targets: ["EventuallyTesting"]),
    // The sample's domain, which the benchmarks use too.
    .library(name: "Orders", targets: ["Orders"]),
    .executable(name: "writer", targets: ["writer"]),
    .executable(name: "projector", targets: ["projector"]),
    .executable(name: "ordersctl", targets: ["ordersctl"]),
    // For tests: a clock that steps.
    .library(name: "clockshift", type: .dynamic, targets: ["CClockShift"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0"),
    // Files and environment variables that set what flags set.
    .package(url: "https://github.com/apple/swift-configuration", from: "1.4.0"),
    .package(url: "https://github.com/apple/swift-distributed-tracing", from: "1.2.0"),
    .package(url: "https://github.com/apple/swift-http-types", from: "1.3.0"),
    .package(url: "https://github.com/apple/swift-log", from: "1.6.0"),
    .package(url: "https://github.com/apple/swift-metrics", from: "2.5.0"),
    .package(url: "https://github.com/apple/swift-nio", from: "2.80.0"),
    .package(url: "https://github.com/apple/swift-nio-extras", from: "1.25.0"),
    .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.30.0"),
    // For `swift package generate-documentation`; nothing is linked with it.
    .package(url: "https://github.com/swiftlang/swift-docc-plugin", from: "1.4.0"),
    .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.20.0"),
    .package(url: "https://github.com/swift-server/async-http-client", from: "1.30.0"),
    .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.8.0"),
    // Starts the processes of EventuallyTesting's harness.
    .package(url: "https://github.com/swiftlang/swift-subprocess", from: "1.0.2"),
    .package(url: "https://github.com/apple/swift-system", from: "1.5.0"),
  ],
  targets: [
    // The abstractions: pure Swift, no store and no bus.
    library("Eventually", ["Digests", logging, lifecycle, tracing, metrics]),
    // What users' tests, and those of adapters, are made of.
    library("EventuallyTesting", ["Eventually", subprocess, system, httpClient, nio, nioHTTP]),

    // What tells bytes apart, and who made them.
    .systemLibrary(
      name: "CLibcrypto", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),
    library("Digests", ["CLibcrypto"]),

    // Adapters. They do not know each other, nor the sample.
    .systemLibrary(
      name: "CSQLite", pkgConfig: "sqlite3",
      providers: [.apt(["libsqlite3-dev"]), .brew(["sqlite"])]),
    library(
      "EventuallySQLite",
      ["Eventually", "CSQLite", "Digests", logging, lifecycle, tracing, metrics]),
    .systemLibrary(
      name: "CLibPQ", pkgConfig: "libpq", providers: [.apt(["libpq-dev"]), .brew(["libpq"])]),
    library(
      "EventuallyPostgres",
      ["Eventually", "CLibPQ", "Digests", logging, lifecycle, tracing, metrics]),
    .systemLibrary(
      name: "CRdKafka", pkgConfig: "rdkafka",
      providers: [.apt(["librdkafka-dev"]), .brew(["librdkafka"])]),
    .target(name: "CKafkaShim", dependencies: ["CRdKafka"]),
    library(
      "EventuallyKafka",
      ["Eventually", "CKafkaShim", "Digests", logging, lifecycle, tracing, metrics]),

    // The processes, for any domain, and their command line.
    library(
      "EventuallyServer",
      [
        "Eventually", "EventuallySQLite", "EventuallyPostgres", "EventuallyKafka", "CZlib", logging,
        lifecycle, http,
        httpCore, httpTypes, httpClient, nio, nioPosix, nioHTTP, nioHTTPTypes, nioSSL, nioTLS,
        "Digests", tracing, metrics,
      ],
      // ConsoleFiles+Resources.swift has them.
      exclude: ["Console/Resources"]),
    library(
      "EventuallyCommand",
      [
        "Eventually", "EventuallySQLite", "EventuallyKafka", "EventuallyServer", logging, lifecycle,
        signals, arguments, configuration, system,
      ]),

    // The sample: a shop's orders.
    .systemLibrary(
      name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"]), .brew(["zlib"])]),
    library(
      "Orders",
      [
        "Eventually", "EventuallySQLite", "EventuallyKafka", "EventuallyServer",
        "EventuallyCommand", "CZlib",
        httpTypes, logging, lifecycle, arguments, nio,
      ], resources: [.embedInCode("Console/revenue.js")]),
    executable("writer", ["Orders", "EventuallyCommand"]),
    executable("projector", ["Orders", "EventuallyCommand"]),
    executable("ordersctl", ["Orders", "EventuallyCommand"]),

    // The smallest complete program, in memory. Examples/Notes and Examples/Bank are packages of their own.
    .executableTarget(
      name: "counter", dependencies: ["Eventually"], path: "Examples/Counter",
      swiftSettings: strict),

    // Proof: scenarios of failures, played with the real executables.
    .target(
      name: "FaultScenarios",
      dependencies: [
        "Eventually", "EventuallyTesting", "EventuallySQLite", "EventuallyKafka", "Orders",
        "EventuallyServer", "EventuallyCommand", arguments, logging,
      ], path: "Tests/FaultScenarios", swiftSettings: strict),
    .executableTarget(
      name: "torture",
      dependencies: ["FaultScenarios", "writer", "projector", "ordersctl", arguments],
      path: "Tests/Torture", swiftSettings: strict),
    .target(name: "CClockShift", path: "Tests/CClockShift", linkerSettings: [.linkedLibrary("dl")]),
    // The C shim on its own, for valgrind.
    .executableTarget(
      name: "shimcheck", dependencies: ["CKafkaShim"], path: "Tests/CKafkaShimCheck"),

    fuzzing,
    tests("EventuallyTests", ["Eventually", "EventuallyTesting", "Digests", lifecycle, logging]),
    tests(
      "EventuallySQLiteTests",
      ["Eventually", "EventuallySQLite", "EventuallyTesting", logging, lifecycle]),
    tests(
      "EventuallyPostgresTests",
      [
        "Eventually", "EventuallyPostgres", "EventuallySQLite", "EventuallyTesting", logging,
        lifecycle, metrics, metricsTestKit,
      ]),
    tests(
      "EventuallyKafkaTests",
      [
        "Eventually", "EventuallyKafka", "EventuallySQLite", "EventuallyTesting", "FaultScenarios",
        lifecycle, metrics, metricsTestKit, nio, nioPosix, nioSSL,
      ]),
    tests(
      "EventuallyServerTests",
      [
        "Eventually", "EventuallySQLite", "EventuallyKafka", "EventuallyServer",
        "EventuallyCommand", "EventuallyTesting", arguments, httpClient, httpTypes, lifecycle,
        logging,
        nio, nioHTTP,
      ]),
    tests(
      "OrdersTests",
      ["Eventually", "EventuallySQLite", "EventuallyServer", "EventuallyTesting", "Orders"],
      resources: [.copy("Fixtures")]),
    // The code that the articles show; see deploy/articles.
    tests(
      "ArticleTests",
      [
        "Eventually", "EventuallySQLite", "EventuallyKafka", "EventuallyServer",
        "EventuallyCommand", "EventuallyTesting", arguments, httpTypes, lifecycle, logging,
      ]),
    tests(
      "PipelineTests",
      [
        "Eventually", "EventuallySQLite", "Orders", "EventuallyServer", "EventuallyCommand",
        "FaultScenarios", "writer", "torture", "projector", "ordersctl", "counter",
        "EventuallyKafka", "EventuallyTesting", arguments, http, httpCore, httpClient,
        httpTypes, nio, nioEmbedded, nioHTTP, lifecycle, logging, tracing,
      ]),
    .testTarget(
      name: "FaultTests",
      dependencies: ["FaultScenarios", "writer", "projector", "ordersctl"],
      path: "Tests/Faults", swiftSettings: strict),
  ],
  swiftLanguageModes: [.v6],
  cLanguageStandard: .gnu17
)
