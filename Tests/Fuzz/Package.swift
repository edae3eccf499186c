// swift-tools-version: 6.2

import PackageDescription

// A package of its own, so that nobody who uses the library builds it with a fuzzer. The targets are the library's own
// sources, by links: the decoders are visible only within one package. What they stand on comes as usual, without the
// fuzzer's counters.

let swiftSettings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    // Optimised, because executions count, but with assertions. Internal decoders are called too.
    .unsafeFlags(["-sanitize=fuzzer,address", "-enable-testing", "-assert-config", "Debug"]),
]

let nioCore: Target.Dependency = .product(name: "NIOCore", package: "swift-nio")
let nioLocks: Target.Dependency = .product(name: "NIOConcurrencyHelpers", package: "swift-nio")
let nioPosix: Target.Dependency = .product(name: "NIOPosix", package: "swift-nio")
let nioHTTP1: Target.Dependency = .product(name: "NIOHTTP1", package: "swift-nio")
let heapModule: Target.Dependency = .product(name: "HeapModule", package: "swift-collections")
let nioSSL: Target.Dependency = .product(name: "NIOSSL", package: "swift-nio-ssl")
let crypto: Target.Dependency = .product(name: "Crypto", package: "swift-crypto")
let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")
let coreMetrics: Target.Dependency = .product(name: "CoreMetrics", package: "swift-metrics")
let metrics: Target.Dependency = .product(name: "Metrics", package: "swift-metrics")
let tracing: Target.Dependency = .product(name: "Tracing", package: "swift-distributed-tracing")
let serviceLifecycle: Target.Dependency = .product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let configuration: Target.Dependency = .product(name: "Configuration", package: "swift-configuration")
let yams: Target.Dependency = .product(name: "Yams", package: "Yams")

let package = Package(
    name: "socketio-server-fuzz",
    dependencies: [
        .package(url: "https://github.com/apple/swift-nio.git", .upToNextMinor(from: "2.101.0")),
        .package(url: "https://github.com/apple/swift-collections.git", from: "1.3.0"),
        .package(url: "https://github.com/apple/swift-nio-ssl.git", from: "2.37.0"),
        .package(url: "https://github.com/apple/swift-crypto.git", "4.0.0"..<"6.0.0"),
        .package(url: "https://github.com/apple/swift-log.git", from: "1.16.0"),
        .package(url: "https://github.com/apple/swift-metrics.git", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-distributed-tracing.git", from: "1.7.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle.git", from: "2.13.0"),
        .package(
            url: "https://github.com/apple/swift-configuration.git", from: "1.4.0",
            traits: ["YAML", "CommandLineArguments"]),
        .package(url: "https://github.com/jpsim/Yams.git", from: "6.2.0"),
    ],
    targets: [
        .target(name: "LoopConfinement", dependencies: [nioCore], swiftSettings: swiftSettings),
        .target(name: "ByteText", swiftSettings: swiftSettings),
        .target(name: "FailureText", dependencies: [nioCore, nioPosix, nioSSL], swiftSettings: swiftSettings),
        .target(name: "PeerLogging", dependencies: [nioCore, nioLocks, logging], swiftSettings: swiftSettings),
        .systemLibrary(name: "CZlib", providers: [.apt(["zlib1g-dev"])]),
        .target(
            name: "HTTPServerCore",
            dependencies: [
                "ByteText", "FailureText", "LoopConfinement", "CZlib", nioCore, nioLocks, nioPosix, nioHTTP1, nioSSL,
                logging,
            ],
            swiftSettings: swiftSettings),
        .target(
            name: "RequestForwarding",
            dependencies: [
                "ByteText", "FailureText", "HTTPServerCore", "LoopConfinement", "PeerLogging", nioCore, nioLocks,
                nioPosix, nioHTTP1, crypto, logging, metrics,
            ],
            swiftSettings: swiftSettings),
        .target(name: "EngineIOCore", dependencies: ["ByteText", nioCore, nioLocks], swiftSettings: swiftSettings),
        .target(
            name: "EngineIOServer",
            dependencies: [
                "EngineIOCore", "RequestForwarding", "HTTPServerCore", "FailureText", "LoopConfinement", "PeerLogging",
                "CZlib", nioCore, nioLocks, nioPosix, nioHTTP1, nioSSL, crypto, logging, metrics,
            ],
            swiftSettings: swiftSettings),
        .systemLibrary(name: "CHiredis", providers: [.apt(["libhiredis-dev"])]),
        .target(
            name: "HiredisNIO",
            dependencies: [
                "ByteText", "CHiredis", "FailureText", "LoopConfinement", nioCore, nioLocks, nioPosix, nioSSL, logging,
                metrics,
            ],
            swiftSettings: swiftSettings),
        .target(name: "SocketIOCore", dependencies: ["EngineIOCore", nioCore, nioLocks], swiftSettings: swiftSettings),
        .target(
            name: "SocketIOServer",
            dependencies: [
                "SocketIOCore", "EngineIOServer", "EngineIOCore", "FailureText", "LoopConfinement", nioCore, nioLocks,
                nioPosix, nioHTTP1, logging, coreMetrics, heapModule, serviceLifecycle, tracing,
            ],
            swiftSettings: swiftSettings),
        .target(
            name: "SocketIOCluster",
            dependencies: [
                "SocketIOServer", "SocketIOCore", "EngineIOServer", "EngineIOCore", "FailureText", "LoopConfinement",
                nioCore, nioLocks, nioHTTP1, logging, coreMetrics,
            ],
            swiftSettings: swiftSettings),
        .target(
            name: "SocketIORedis",
            dependencies: [
                "SocketIOCluster", "SocketIOServer", "SocketIOCore", "EngineIOServer", "EngineIOCore", "HiredisNIO",
                "LoopConfinement",
                nioCore, nioLocks, nioHTTP1, logging, metrics,
            ],
            swiftSettings: swiftSettings),
        // The names of the algorithms, which the settings need.
        .target(name: "SocketIOJWT", sources: ["TokenAlgorithm.swift"], swiftSettings: swiftSettings),
        // The limits of the chat, likewise.
        .target(name: "Chat", sources: ["ChatLimits.swift"], swiftSettings: swiftSettings),
        // The settings of the executable, without what it does with them.
        .target(
            name: "socketio_server",
            dependencies: [
                "SocketIORedis", "HiredisNIO", "SocketIOJWT", "Chat", "SocketIOServer", "EngineIOServer", configuration,
                yams, nioCore, nioHTTP1, logging,
            ],
            path: "Sources/ServerSettings",
            sources: [
                "Settings", "Cluster/RedisSettings.swift", "API/APIToken.swift", "Operations/OperationsToken.swift",
                "Webhooks/WebhookKind.swift", "Permissions/RoomRule.swift",
            ],
            swiftSettings: swiftSettings),
        .target(
            name: "FuzzHarness",
            dependencies: [
                "socketio_server", "SocketIORedis", "SocketIOCluster", "SocketIOServer", "SocketIOCore", "HiredisNIO",
                "EngineIOServer", "RequestForwarding", "HTTPServerCore", "EngineIOCore", nioCore, nioHTTP1,
                configuration,
            ],
            swiftSettings: swiftSettings),
        .target(name: "CLibFuzzer"),
        .executableTarget(
            name: "fuzz", dependencies: ["FuzzHarness", "CLibFuzzer"], swiftSettings: swiftSettings,
            linkerSettings: [.unsafeFlags(["-sanitize=fuzzer,address", "-use-ld=lld"])]),
    ],
    swiftLanguageModes: [.v6]
)
