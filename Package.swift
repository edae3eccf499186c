// swift-tools-version: 6.2

import PackageDescription

let swiftSettings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
]

let nioCore: Target.Dependency = .product(name: "NIOCore", package: "swift-nio")
let nioLocks: Target.Dependency = .product(name: "NIOConcurrencyHelpers", package: "swift-nio")
let nioPosix: Target.Dependency = .product(name: "NIOPosix", package: "swift-nio")
let nioHTTP1: Target.Dependency = .product(name: "NIOHTTP1", package: "swift-nio")
let dequeModule: Target.Dependency = .product(name: "DequeModule", package: "swift-collections")
let heapModule: Target.Dependency = .product(name: "HeapModule", package: "swift-collections")
let nioEmbedded: Target.Dependency = .product(name: "NIOEmbedded", package: "swift-nio")
let nioSSL: Target.Dependency = .product(name: "NIOSSL", package: "swift-nio-ssl")
let crypto: Target.Dependency = .product(name: "Crypto", package: "swift-crypto")
let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")
let metrics: Target.Dependency = .product(name: "Metrics", package: "swift-metrics")
let coreMetrics: Target.Dependency = .product(name: "CoreMetrics", package: "swift-metrics")
let tracing: Target.Dependency = .product(name: "Tracing", package: "swift-distributed-tracing")
let inMemoryTracing: Target.Dependency = .product(name: "InMemoryTracing", package: "swift-distributed-tracing")
let serviceLifecycle: Target.Dependency = .product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let unixSignals: Target.Dependency = .product(name: "UnixSignals", package: "swift-service-lifecycle")
let hummingbird: Target.Dependency = .product(name: "Hummingbird", package: "hummingbird")
let httpTypes: Target.Dependency = .product(name: "HTTPTypes", package: "swift-http-types")
let nioHTTPTypesHTTP1: Target.Dependency = .product(name: "NIOHTTPTypesHTTP1", package: "swift-nio-extras")
let configuration: Target.Dependency = .product(name: "Configuration", package: "swift-configuration")
let jwtKit: Target.Dependency = .product(name: "JWTKit", package: "jwt-kit")
let asyncHTTPClient: Target.Dependency = .product(name: "AsyncHTTPClient", package: "async-http-client")
let grdb: Target.Dependency = .product(name: "GRDB", package: "GRDB.swift")
let argumentParser: Target.Dependency = .product(name: "ArgumentParser", package: "swift-argument-parser")

let package = Package(
    name: "socketio-server",
    products: [
        .library(name: "SocketIOServer", targets: ["SocketIOServer"]),
        .library(name: "SocketIOCluster", targets: ["SocketIOCluster"]),
        .library(name: "SocketIORedis", targets: ["SocketIORedis"]),
        .library(name: "SocketIOHummingbird", targets: ["SocketIOHummingbird"]),
        .library(name: "SocketIOJWT", targets: ["SocketIOJWT"]),
        .library(name: "SocketIOTesting", targets: ["SocketIOTesting"]),
        .executable(name: "socketio-server", targets: ["socketio-server"]),
    ],
    dependencies: [
        // The next minor at most: connections are accepted, moved and taken over in an order that NIO does not promise
        // (NIOOrderTests notices a change).
        .package(url: "https://github.com/apple/swift-nio.git", .upToNextMinor(from: "2.101.0")),
        .package(url: "https://github.com/apple/swift-collections.git", from: "1.3.0"),
        .package(url: "https://github.com/apple/swift-nio-ssl.git", from: "2.37.0"),
        .package(url: "https://github.com/apple/swift-crypto.git", "4.0.0"..<"6.0.0"),
        .package(url: "https://github.com/apple/swift-nio-extras.git", from: "1.35.0"),
        .package(url: "https://github.com/apple/swift-http-types.git", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-log.git", from: "1.16.0"),
        .package(url: "https://github.com/apple/swift-metrics.git", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-distributed-tracing.git", from: "1.7.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle.git", from: "2.13.0"),
        .package(
            url: "https://github.com/apple/swift-configuration.git", from: "1.4.0",
            traits: ["YAML", "CommandLineArguments"]),
        .package(url: "https://github.com/apple/swift-argument-parser.git", from: "1.8.0"),
        .package(url: "https://github.com/hummingbird-project/hummingbird.git", from: "2.28.0"),
        .package(url: "https://github.com/jpsim/Yams.git", from: "6.2.0"),
        .package(url: "https://github.com/vapor/jwt-kit.git", from: "5.7.0"),
        .package(url: "https://github.com/swift-server/async-http-client.git", from: "1.37.0"),
        .package(url: "https://github.com/groue/GRDB.swift.git", from: "7.10.0"),
    ],
    targets: [
        // What keeps state on its event loop, for everything below.
        .target(name: "LoopConfinement", dependencies: [nioCore], swiftSettings: swiftSettings),
        // Text that comes from peers, as bytes.
        .target(name: "ByteText", swiftSettings: swiftSettings),
        // Errors in plain English.
        .target(name: "FailureText", dependencies: [nioCore, nioPosix, nioSSL], swiftSettings: swiftSettings),
        // Log lines that peers can cause.
        .target(name: "PeerLogging", dependencies: [nioCore, nioLocks, logging], swiftSettings: swiftSettings),
        // HTTP/1.1
        .systemLibrary(name: "CZlib", providers: [.apt(["zlib1g-dev"])]),
        .target(
            name: "HTTPServerCore",
            dependencies: [
                "ByteText", "FailureText", "LoopConfinement", "CZlib", nioCore, nioLocks, nioPosix, nioHTTP1, nioSSL,
                logging,
            ],
            swiftSettings: swiftSettings),
        // Requests that belong to other nodes
        .target(
            name: "RequestForwarding",
            dependencies: [
                "ByteText", "FailureText", "HTTPServerCore", "LoopConfinement", "PeerLogging", nioCore, nioLocks,
                nioPosix, nioHTTP1, crypto, logging, metrics,
            ],
            swiftSettings: swiftSettings),
        // Engine.IO
        .target(name: "EngineIOCore", dependencies: ["ByteText", nioCore, nioLocks], swiftSettings: swiftSettings),
        .target(
            name: "EngineIOServer",
            dependencies: [
                "EngineIOCore", "RequestForwarding", "HTTPServerCore", "FailureText", "LoopConfinement", "PeerLogging",
                "CZlib", nioCore, nioLocks, nioPosix, nioHTTP1, nioSSL, crypto, logging, metrics,
            ],
            swiftSettings: swiftSettings),
        // Socket.IO
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
        // Redis
        .systemLibrary(name: "CHiredis", providers: [.apt(["libhiredis-dev"])]),
        .target(
            name: "HiredisNIO",
            dependencies: [
                "ByteText", "CHiredis", "FailureText", "LoopConfinement", nioCore, nioLocks, nioPosix, nioSSL, logging,
                metrics,
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
        .target(
            name: "SocketIOHummingbird",
            dependencies: [
                "SocketIOServer", "EngineIOServer", "HTTPServerCore", "FailureText", hummingbird, httpTypes,
                nioHTTPTypesHTTP1, nioCore, nioHTTP1, logging,
            ],
            swiftSettings: swiftSettings),
        .target(
            name: "SocketIOJWT",
            dependencies: [
                "SocketIOServer", "SocketIOCore", "LoopConfinement", jwtKit, nioCore, nioLocks, nioHTTP1, metrics,
            ],
            swiftSettings: swiftSettings),
        .target(
            name: "SocketIOTesting",
            dependencies: [
                "SocketIOCluster", "SocketIOServer", "SocketIOCore", "EngineIOCore", "EngineIOServer", nioCore,
                nioLocks, nioPosix,
                nioHTTP1,
                logging,
            ],
            swiftSettings: swiftSettings),
        // Applications
        .target(
            name: "Chat",
            dependencies: [
                "SocketIOServer", "SocketIOHummingbird", "HiredisNIO", grdb, crypto, hummingbird, httpTypes,
                dequeModule, heapModule, nioCore, nioLocks, logging, metrics,
            ],
            resources: [.embedInCode("Resources")], swiftSettings: swiftSettings),
        .executableTarget(
            name: "socketio-server",
            dependencies: [
                "Chat", "SocketIOHummingbird", "SocketIORedis", "SocketIOJWT", "SocketIOServer", "SocketIOCore",
                "EngineIOServer", "EngineIOCore", "HiredisNIO", "ByteText", "FailureText", hummingbird, asyncHTTPClient,
                configuration, argumentParser, serviceLifecycle, unixSignals, logging, metrics, coreMetrics, crypto,
                dequeModule, nioCore, nioLocks,
                nioPosix, nioHTTP1, nioSSL,
                .product(name: "Yams", package: "Yams"),
            ],
            resources: [.embedInCode("Status/Resources")], swiftSettings: swiftSettings),
        // What load generators drive, in the conformance server and in what measures.
        .target(
            name: "LoadApplication", dependencies: ["SocketIOServer"],
            path: "Tests/Benchmarks/Sources/LoadApplication", swiftSettings: swiftSettings),
        .executableTarget(
            name: "socketio-conformance-server",
            dependencies: [
                "LoadApplication", "SocketIORedis", "SocketIOServer", "SocketIOCore", "EngineIOServer", "EngineIOCore",
                argumentParser,
                nioCore, nioLocks, nioPosix, nioHTTP1, logging,
            ],
            swiftSettings: swiftSettings),
        // The examples of docs/adapters.md. They see what other packages see, and nothing more.
        .target(
            name: "UnixBus", dependencies: ["SocketIOCluster", "SocketIOServer", nioCore, nioLocks, nioPosix],
            path: "docs/examples/unix-bus/UnixBus", packageAccess: false, swiftSettings: swiftSettings),
        .executableTarget(
            name: "unix-bus-example", dependencies: ["UnixBus", "SocketIOCluster", "SocketIOServer"],
            path: "docs/examples/unix-bus/Program", packageAccess: false, swiftSettings: swiftSettings),
        .target(
            name: "PairExample", dependencies: ["SocketIOServer"], path: "docs/examples/pair-adapter",
            packageAccess: false, swiftSettings: swiftSettings),
        // What measures and is counted by .ci/instructions.sh: here, so that one build makes it and the server above.
        .executableTarget(
            name: "measure",
            dependencies: [
                "LoadApplication", "SocketIORedis", "SocketIOServer", "EngineIOServer", argumentParser, nioCore,
                nioPosix,
                logging,
            ],
            path: "Tests/Benchmarks/Sources/measure", swiftSettings: swiftSettings),
        .target(
            name: "HotLoops", dependencies: ["SocketIOCore", "EngineIOCore", nioCore],
            path: "Tests/Benchmarks/Sources/HotLoops", swiftSettings: swiftSettings),
        .executableTarget(
            name: "hot-loops", dependencies: ["HotLoops"], path: "Tests/Benchmarks/Sources/hot-loops",
            swiftSettings: swiftSettings),
        // Tests
        .target(
            name: "ProcessTesting", dependencies: [nioLocks], path: "Tests/ProcessTesting", swiftSettings: swiftSettings
        ),
        .target(
            name: "MetricTesting", dependencies: [nioLocks, coreMetrics],
            path: "Tests/MetricTesting", swiftSettings: swiftSettings),
        .testTarget(
            name: "EngineIOCoreTests", dependencies: ["EngineIOCore", "ProcessTesting", nioCore, nioLocks],
            resources: [.copy("Vectors")], swiftSettings: swiftSettings),
        .testTarget(
            name: "SocketIOCoreTests",
            dependencies: ["SocketIOCore", "EngineIOCore", "ProcessTesting", nioCore, nioLocks],
            resources: [.copy("Vectors")], swiftSettings: swiftSettings),
        .target(
            name: "HTTPTesting",
            dependencies: ["HTTPServerCore", nioCore, nioLocks, nioPosix, nioEmbedded, nioHTTP1],
            path: "Tests/HTTPTesting", swiftSettings: swiftSettings),
        .testTarget(
            name: "HTTPServerCoreTests",
            dependencies: [
                "HTTPServerCore", "FailureText", "LoopConfinement", "HTTPTesting", "ProcessTesting", nioCore, nioLocks,
                nioPosix, nioEmbedded, nioHTTP1, nioSSL, logging,
            ],
            swiftSettings: swiftSettings),
        .testTarget(
            name: "RequestForwardingTests",
            dependencies: [
                "RequestForwarding", "HTTPServerCore", "PeerLogging", "MetricTesting", nioCore, nioPosix, nioEmbedded,
                nioHTTP1, logging,
            ],
            swiftSettings: swiftSettings),
        .testTarget(
            name: "EngineIOServerTests",
            dependencies: [
                "EngineIOServer", "RequestForwarding", "HTTPServerCore", "EngineIOCore", "LoopConfinement",
                "SocketIOTesting", "MetricTesting", "HTTPTesting", "ProcessTesting", "CZlib", nioCore, nioLocks,
                nioPosix, nioEmbedded,
                nioHTTP1, nioSSL, logging,
            ],
            swiftSettings: swiftSettings),
        .testTarget(
            name: "FuzzTests",
            dependencies: [
                "socketio-server", "SocketIORedis", "SocketIOCluster", "SocketIOServer", "SocketIOCore", "HiredisNIO",
                "EngineIOServer", "RequestForwarding", "HTTPServerCore", "EngineIOCore", "ProcessTesting", nioCore,
                nioHTTP1, configuration,
            ],
            exclude: ["OfficialParser/official-parser.js"], swiftSettings: swiftSettings),
        .target(
            name: "RedisTesting",
            dependencies: ["HiredisNIO", "LoopConfinement", "ProcessTesting", nioCore, nioLocks, nioPosix, logging],
            path: "Tests/RedisTesting", swiftSettings: swiftSettings),
        .testTarget(
            name: "HiredisNIOTests",
            dependencies: [
                "HiredisNIO", "CHiredis", "LoopConfinement", "RedisTesting", "ProcessTesting", "MetricTesting",
                nioCore, nioLocks, nioPosix, nioEmbedded, nioSSL, logging,
            ],
            swiftSettings: swiftSettings),
        .testTarget(
            name: "SocketIOServerTests",
            dependencies: [
                "SocketIOServer", "SocketIOCore", "EngineIOServer", "HTTPServerCore", "EngineIOCore", "LoopConfinement",
                "SocketIOTesting", "MetricTesting", "ProcessTesting", nioCore, nioEmbedded, nioLocks, nioPosix,
                nioHTTP1, logging, serviceLifecycle, tracing, inMemoryTracing,
            ],
            swiftSettings: swiftSettings),
        .testTarget(
            name: "SocketIOClusterTests",
            dependencies: [
                "unix-bus-example", "UnixBus", "PairExample", "SocketIOCluster", "SocketIOServer", "SocketIOCore",
                "EngineIOServer", "EngineIOCore",
                "SocketIOTesting", "ProcessTesting", nioCore, nioLocks, nioPosix, logging,
            ],
            swiftSettings: swiftSettings),
        .target(
            name: "ClusterTesting",
            dependencies: [
                "RedisTesting", "SocketIORedis", "SocketIOServer", "HiredisNIO", "SocketIOTesting", "ProcessTesting",
                nioCore, nioLocks, nioPosix, logging,
            ],
            path: "Tests/ClusterTesting", swiftSettings: swiftSettings),
        .testTarget(
            name: "SocketIORedisTests",
            dependencies: [
                "ClusterTesting", "RedisTesting", "SocketIORedis", "SocketIOCluster", "SocketIOServer", "SocketIOCore",
                "EngineIOServer", "EngineIOCore", "HiredisNIO",
                "LoopConfinement", "SocketIOTesting", "ProcessTesting", "MetricTesting", nioCore, nioLocks, nioPosix,
                nioEmbedded,
                nioHTTP1,
                logging,
            ],
            resources: [.copy("Vectors")], swiftSettings: swiftSettings),
        // Redis, the network and nodes in trouble. What breaks processes is run by `make faults`.
        .testTarget(
            name: "FaultTests",
            dependencies: [
                "ClusterTesting", "RedisTesting", "SocketIORedis", "SocketIOServer", "HiredisNIO", "SocketIOTesting",
                "ProcessTesting", nioCore, nioLocks, nioPosix, logging,
            ],
            exclude: ["Processes"], swiftSettings: swiftSettings),
        .testTarget(
            name: "SocketIOJWTTests",
            dependencies: [
                "SocketIOJWT", "SocketIOServer", "SocketIOCore", "SocketIOTesting", "MetricTesting", "ProcessTesting",
                jwtKit, nioCore,
                nioLocks,
            ],
            exclude: ["make-vectors.py"], resources: [.copy("Vectors")], swiftSettings: swiftSettings),
        .testTarget(
            name: "ChatTests",
            dependencies: [
                "Chat", "SocketIOServer", "SocketIOHummingbird", "SocketIORedis", "SocketIOTesting", "ProcessTesting",
                "MetricTesting", "HiredisNIO", grdb, hummingbird, nioCore, nioLocks, nioPosix, logging,
            ],
            swiftSettings: swiftSettings),
        .testTarget(
            name: "ConformanceTests",
            dependencies: [
                "SocketIOServer", "SocketIOCore", "EngineIOServer", "EngineIOCore", "SocketIOTesting",
                "SocketIOHummingbird", "socketio-conformance-server", "CZlib", argumentParser, hummingbird, nioCore,
                nioLocks,
                nioPosix, nioHTTP1,
                nioSSL, logging,
            ],
            resources: [.copy("Vectors")], swiftSettings: swiftSettings),
        // The programs of docs/examples, so that they compile, and tests of what the documents show.
        .target(
            name: "Examples",
            dependencies: [
                "SocketIOServer", "SocketIORedis", "SocketIOHummingbird", "SocketIOJWT", hummingbird, nioPosix,
                serviceLifecycle, unixSignals, logging,
            ],
            path: "docs/examples", exclude: ["README.md", "unix-bus", "pair-adapter"], swiftSettings: swiftSettings),
        .testTarget(
            name: "DocumentTests",
            dependencies: [
                "Examples", "SocketIOServer", "SocketIORedis", "SocketIOHummingbird", "SocketIOTesting",
                "ProcessTesting", hummingbird, nioCore, crypto, serviceLifecycle, unixSignals, logging,
            ],
            swiftSettings: swiftSettings),
        .testTarget(
            name: "ServerCommandTests",
            dependencies: [
                "socketio-server", "Chat", "SocketIORedis", "SocketIOCluster", "SocketIOServer", "SocketIOTesting",
                "EngineIOServer", "HTTPServerCore", "HiredisNIO", "RedisTesting", "ProcessTesting", nioCore, nioLocks,
                nioPosix, nioHTTP1, crypto, logging,
                configuration, coreMetrics, .product(name: "Yams", package: "Yams"),
            ],
            swiftSettings: swiftSettings),
    ],
    swiftLanguageModes: [.v6]
)

#if os(Linux)
    // The load generator stands on epoll and reads /proc.
    package.dependencies.append(
        .package(url: "https://github.com/HdrHistogram/hdrhistogram-swift.git", from: "0.2.0"))
    package.products.append(.executable(name: "socketio-load", targets: ["socketio-load"]))
    package.targets += [
        .systemLibrary(name: "CEpoll"),
        .executableTarget(
            name: "socketio-load",
            dependencies: ["CEpoll", argumentParser, .product(name: "Histogram", package: "hdrhistogram-swift")],
            swiftSettings: swiftSettings),
        .testTarget(
            name: "LoadTests",
            dependencies: [
                "socketio-load", "SocketIOServer", "ProcessTesting", nioCore, nioLocks, logging, argumentParser,
            ],
            swiftSettings: swiftSettings),
    ]
#endif

// Each sanitizer builds everything anew: .ci/sanitize.sh names the suites that it runs, and only what they need is left.
if let suites = Context.environment["SANITIZED_SUITES"] {
    let targets = Dictionary(uniqueKeysWithValues: package.targets.map { ($0.name, $0) })
    var needed: Set<String> = []
    func need(_ name: String) {
        guard let target = targets[name], needed.insert(name).inserted else { return }
        for case .byNameItem(let name, _) in target.dependencies { need(name) }
    }
    for suite in suites.split(separator: "|").map(String.init) {
        guard targets[suite] != nil else { fatalError("SANITIZED_SUITES names \(suite), which is no target") }
        need(suite)
    }
    package.targets.removeAll { !needed.contains($0.name) }
    package.products = []
}
