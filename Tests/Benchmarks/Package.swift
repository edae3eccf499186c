// swift-tools-version: 6.2

import PackageDescription

// A package of its own, so that nobody who uses the library resolves or builds the benchmark tool. The cores are the
// library's own sources, by links: what benchmarks call is visible only within one package.

let swiftSettings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
]

let nioCore: Target.Dependency = .product(name: "NIOCore", package: "swift-nio")
let nioLocks: Target.Dependency = .product(name: "NIOConcurrencyHelpers", package: "swift-nio")

let package = Package(
    name: "socketio-server-benchmarks",
    dependencies: [
        .package(url: "https://github.com/apple/swift-nio.git", from: "2.101.0"),
        .package(url: "https://github.com/ordo-one/benchmark.git", from: "1.38.0", traits: []),
    ],
    targets: [
        .target(name: "ByteText", swiftSettings: swiftSettings),
        .target(name: "EngineIOCore", dependencies: ["ByteText", nioCore, nioLocks], swiftSettings: swiftSettings),
        .target(name: "SocketIOCore", dependencies: ["EngineIOCore", nioCore, nioLocks], swiftSettings: swiftSettings),
        .target(
            name: "HotLoops", dependencies: ["SocketIOCore", "EngineIOCore", nioCore], swiftSettings: swiftSettings),
        .executableTarget(name: "yardstick"),
        .executableTarget(name: "reader"),
        .executableTarget(
            name: "Micro", dependencies: ["HotLoops", .product(name: "Benchmark", package: "benchmark")],
            path: "Benchmarks/Micro", swiftSettings: swiftSettings,
            plugins: [.plugin(name: "BenchmarkPlugin", package: "benchmark")]),
    ],
    swiftLanguageModes: [.v6]
)
