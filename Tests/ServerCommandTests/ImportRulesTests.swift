// Part of socketio-server, MIT licence; see LICENSE.

internal import Foundation
internal import Testing

/// Who may import whom. SwiftPM also lets through what is only a dependency of a dependency, so it is checked here.
@Suite struct ImportRulesTests {
    /// What a target may import anywhere, and what only in the files named.
    private struct Rule {
        var anywhere: Set<String>
        var files: [String: Set<String>] = [:]
    }

    private static let system: Set<String> = ["Glibc"]

    private static let rules: [String: Rule] = [
        "LoopConfinement": Rule(anywhere: ["NIOCore"]),
        // Text that comes from peers, as bytes.
        "ByteText": Rule(anywhere: []),
        // Errors of the system, NIO and TLS in plain English.
        "FailureText": Rule(anywhere: system.union(["NIOCore", "NIOPosix", "NIOSSL"])),
        // Log lines that peers can cause.
        "PeerLogging": Rule(anywhere: ["NIOCore", "Logging", "NIOConcurrencyHelpers", "Synchronization"]),
        // HTTP/1.1, which knows nothing of Engine.IO.
        "HTTPServerCore": Rule(
            anywhere: system.union([
                "ByteText", "FailureText", "LoopConfinement", "NIOCore", "NIOHTTP1", "NIOConcurrencyHelpers",
                "Synchronization", "Logging",
            ]),
            files: [
                // The only place that opens sockets.
                "HTTPListener.swift": ["NIOPosix", "NIOSSL"], "HTTPServerConfiguration.swift": ["NIOSSL"],
                "BodyCompression.swift": ["CZlib"], "WallClock.swift": ["SwiftOverlayShims"],
            ]),
        // Requests that belong to other nodes: by the engine's needs, but without it.
        "RequestForwarding": Rule(
            anywhere: [
                "ByteText", "FailureText", "HTTPServerCore", "LoopConfinement", "PeerLogging", "NIOCore", "NIOHTTP1",
                "Logging", "Metrics", "NIOConcurrencyHelpers", "Synchronization",
            ],
            // The only place that opens connections; the name of an error number.
            files: ["ForwardingConnector.swift": system.union(["NIOPosix"]), "ForwardingKey.swift": ["Crypto"]]),
        // Bytes and states: no sockets, no clock, no logger, no Foundation.
        // All random bytes of an id in one system call, for which Swift has no name.
        // Random bytes come from the system, and many threads want them.
        "EngineIOCore": Rule(
            anywhere: ["ByteText", "NIOCore"], files: ["RandomPool.swift": system.union(["NIOConcurrencyHelpers"])]),
        "SocketIOCore": Rule(
            anywhere: ["EngineIOCore", "NIOCore"],
            files: [
                // What the sessions of a user or an address on several event loops use together.
                "RateAccount.swift": ["Synchronization"], "RateAccountTable.swift": ["NIOConcurrencyHelpers"],
            ]),
        "EngineIOServer": Rule(
            anywhere: system.union([
                "EngineIOCore", "HTTPServerCore", "RequestForwarding", "PeerLogging", "FailureText", "LoopConfinement",
                "NIOCore", "NIOHTTP1", "NIOSSL", "Logging", "Metrics", "NIOConcurrencyHelpers", "Synchronization",
            ]),
            files: [
                // The only places that open or adopt sockets.
                "Rehoming.swift": ["NIOPosix"],
                "KeyDigest.swift": ["Crypto"],
                "FrameInflater.swift": ["CZlib"],
                "FrameDeflater.swift": ["CZlib"],
            ]),
        "SocketIOServer": Rule(
            anywhere: [
                "SocketIOCore", "EngineIOServer", "EngineIOCore", "FailureText", "LoopConfinement", "NIOCore",
                "NIOHTTP1",
                "Logging", "CoreMetrics", "NIOConcurrencyHelpers", "Synchronization",
            ],
            files: [
                // A server may make its own event loops, and is a service.
                "Server.swift": ["NIOPosix"], "OffLoop.swift": ["NIOPosix"],
                "TimerQueue.swift": ["HeapModule"],
                // Spans are made here, and nowhere else.
                "ServerConfiguration.swift": ["Tracing"], "ServerTracing.swift": ["Tracing"],
                "SocketSpan.swift": ["Tracing"], "TracingAdapter.swift": ["Tracing"],
                "Client+Connecting.swift": ["Tracing"],
                "Server+Binding.swift": ["NIOPosix"], "Server+Listening.swift": ["ServiceLifecycle", "NIOPosix"],
                // Lets handlers take and return `Data`; nothing else there comes from Foundation.
                "Value+Foundation.swift": ["Foundation", "FoundationEssentials"],
            ]),
        // A Redis client that knows nothing of Socket.IO; two levels of hiredis exist, this uses the one without sockets.
        "HiredisNIO": Rule(
            anywhere: [
                "FailureText", "LoopConfinement", "NIOCore", "NIOSSL", "Logging", "Metrics", "NIOConcurrencyHelpers",
                "Synchronization",
            ],
            files: [
                "RedisConnector.swift": ["NIOPosix"], "RESPReader.swift": ["CHiredis"],
                "RedisConfiguration+URL.swift": ["ByteText"],
                "RESPReaderFunctions.swift": ["CHiredis"],
                // The names of two error numbers.
                "RedisConnectionFailure.swift": system,
            ]),
        // Everything several servers need, and no back end.
        "SocketIOCluster": Rule(
            anywhere: [
                "SocketIOServer", "SocketIOCore", "EngineIOServer", "EngineIOCore", "FailureText", "LoopConfinement",
                "NIOCore", "NIOHTTP1", "Logging", "CoreMetrics", "NIOConcurrencyHelpers", "Synchronization",
            ]),
        "SocketIORedis": Rule(
            anywhere: [
                "SocketIOCluster", "SocketIOServer", "SocketIOCore", "EngineIOServer", "EngineIOCore", "HiredisNIO",
                "LoopConfinement",
                "NIOCore", "NIOHTTP1", "Logging", "Metrics", "CoreMetrics", "NIOConcurrencyHelpers", "Synchronization",
            ]),
        "SocketIOJWT": Rule(
            anywhere: [
                "SocketIOServer", "SocketIOCore", "LoopConfinement", "JWTKit", "NIOCore", "NIOHTTP1", "Metrics",
                "NIOConcurrencyHelpers",
            ],
            // The time of day.
            files: ["TokenAuthentication.swift": ["Foundation"]]),
        "SocketIOHummingbird": Rule(
            anywhere: [
                "SocketIOServer", "EngineIOServer", "FailureText", "Hummingbird", "HummingbirdCore", "HTTPTypes",
                "NIOCore",
                "NIOHTTP1", "NIOHTTPTypes", "NIOHTTPTypesHTTP1", "Logging", "Synchronization",
            ],
            files: ["MemoryFile.swift": ["HTTPServerCore"]]),
        "Chat": Rule(
            anywhere: [
                "SocketIOServer", "SocketIOHummingbird", "Hummingbird", "HTTPTypes", "NIOCore", "Logging",
                "DequeModule", "HeapModule", "Metrics", "NIOConcurrencyHelpers", "Synchronization", "Foundation",
            ],
            files: [
                // The stores: SQLite, and Redis by the client that is here anyway.
                "SQLiteStore.swift": ["GRDB"], "SQLiteStore+People.swift": ["GRDB"],
                "SQLiteStore+Rooms.swift": ["GRDB"], "SQLiteStore+Messages.swift": ["GRDB"],
                "SQLiteStore+Files.swift": ["GRDB"], "SQLiteStore+Unused.swift": ["GRDB"],
                "SQLiteStore+Migrations.swift": ["GRDB"], "WriteBatches.swift": ["GRDB"],
                "RedisStore.swift": ["HiredisNIO"], "RedisStore+People.swift": ["HiredisNIO"],
                "RedisStore+Rooms.swift": ["HiredisNIO"], "RedisStore+Messages.swift": ["HiredisNIO"],
                "RedisStore+Files.swift": ["HiredisNIO"],
                // Signed tokens, and ids that are made of other ids.
                "PersonToken.swift": ["Crypto"], "ChatID.swift": ["Crypto"],
            ]),
        "socketio-server": Rule(
            anywhere: system.union([
                "Chat", "SocketIOHummingbird", "SocketIORedis", "SocketIOCluster", "SocketIOJWT", "SocketIOServer",
                "EngineIOServer", "HiredisNIO", "ByteText", "FailureText", "Hummingbird", "Configuration",
                "ArgumentParser",
                "ServiceLifecycle", "UnixSignals", "Logging",
                "Metrics", "CoreMetrics",
                "NIOCore",
                "NIOHTTP1", "NIOSSL", "Yams", "HTTPTypes", "Foundation", "NIOConcurrencyHelpers", "Synchronization",
            ]),
            // These commands have no server whose event loop they could use.
            files: [
                "EmitCommand.swift": ["SocketIOCore"], "EmitCommand+Ways.swift": ["NIOPosix", "SocketIOCore"],
                "HealthcheckCommand.swift": ["NIOPosix"],
                "PeersCommand.swift": ["NIOPosix"],
                // Commands that ask a running node, and sign tokens for development.
                "RemoteNode.swift": ["AsyncHTTPClient"], "DevelopmentToken.swift": ["Crypto"],
                // Requests with a time limit over all of each.
                "HTTPClient+Exchange.swift": ["AsyncHTTPClient"],
                // A request for the key set.
                "KeySetFetch.swift": ["AsyncHTTPClient"],
                // The API reads and writes JSON, and remembers requests.
                "APIOperation.swift": ["SocketIOCore"], "APIQuestion.swift": ["EngineIOCore"],
                "HTTPAPI.swift": ["SocketIOCore", "EngineIOCore", "Crypto"],
                "SocketValue+Base64.swift": ["EngineIOCore", "SocketIOCore"],
                "HTTPAPI+Reading.swift": ["SocketIOCore"],
                "IdempotencyStore.swift": ["Crypto", "DequeModule"],
                // Webhooks wait, are signed, and leave by HTTP.
                "WebhookQueue.swift": ["DequeModule"], "WebhookRequest.swift": ["Crypto"],
                "WebhookDelivery.swift": ["AsyncHTTPClient"],
                // Permission callbacks do the same.
                "PermissionCallback.swift": ["AsyncHTTPClient"],
                "AnswerCache.swift": ["SocketIOCore", "Crypto", "DequeModule"],
            ]),
        // Shipped, for applications and adapters: what the server's API and NIO give. Its codecs are its own, see `TestValue`.
        "SocketIOTesting": Rule(
            anywhere: [
                "SocketIOCluster", "SocketIOServer", "SocketIOCore", "EngineIOServer", "EngineIOCore", "NIOCore",
                "NIOHTTP1", "NIOPosix", "NIOConcurrencyHelpers", "Logging",
            ],
            files: [
                "TestValue.swift": ["Foundation"], "EngineTestPacket.swift": ["Foundation"],
                "HTTPTestConnection.swift": system,
            ]),
        // What other suites of tests expect of a server.
        "socketio-conformance-server": Rule(
            anywhere: [
                "LoadApplication", "SocketIORedis", "SocketIOServer", "EngineIOServer", "EngineIOCore",
                "ArgumentParser", "Logging", "NIOCore", "NIOHTTP1", "NIOPosix", "NIOConcurrencyHelpers", "Foundation",
                "Dispatch", "Glibc",
            ]),
        // Independent of the server's code: what measures and checks it must not share its faults.
        "socketio-load": Rule(
            anywhere: ["Glibc", "ArgumentParser", "Foundation", "NIOConcurrencyHelpers", "Synchronization"],
            files: ["Poller.swift": ["CEpoll"], "LatencyRecorder.swift": ["Histogram"]]),
    ]

    @Test(arguments: rules.keys.sorted())
    func targetsImportWhatTheyMay(target: String) throws {
        let rule = try #require(Self.rules[target])
        let files = Self.swiftFiles(in: packageRoot.appendingPathComponent("Sources/\(target)"))
        #expect(!files.isEmpty)
        for file in files {
            let allowed = rule.anywhere.union(rule.files[file.lastPathComponent] ?? [])
            let found = Self.imports(of: try String(contentsOf: file, encoding: .utf8))
            let refused = found.map(\.module).filter { !allowed.contains($0) }
            #expect(refused.isEmpty, "\(target)/\(file.lastPathComponent)")
        }
    }

    @Test func everyTargetOfTheSourcesHasARule() throws {
        let sources = packageRoot.appendingPathComponent("Sources")
        let folders = try FileManager.default.contentsOfDirectory(atPath: sources.path).filter {
            !Self.swiftFiles(in: sources.appendingPathComponent($0)).isEmpty
        }
        #expect(folders.sorted() == Self.rules.keys.sorted())
    }

    /// Tests, examples and what measures, too: what is only a dependency of a dependency is imported nowhere.
    @Test func everyTargetImportsOnlyWhatThePackageGivesIt() throws {
        let targets = try Self.targets()
        #expect(targets.count > 40)
        let system: Set<String> = [
            "Foundation", "FoundationEssentials", "FoundationNetworking", "Glibc", "Synchronization", "RegexBuilder",
            "SwiftOverlayShims", "Testing", "Dispatch",
            // A module of Python, in a script of PythonEmitterTests.
            "datetime", "datetime,",
        ]
        for target in targets {
            let root = packageRoot.appendingPathComponent(target.path)
            let others = targets.map(\.path).filter { $0.hasPrefix(target.path + "/") }
            for file in Self.swiftFiles(in: root) {
                let name = String(file.path.dropFirst(packageRoot.path.count + 1))
                guard !others.contains(where: { name.hasPrefix($0 + "/") }) else { continue }
                let text = try String(contentsOf: file, encoding: .utf8)
                // This file's own examples of imports.
                guard !text.contains("func importsAreFoundInAllTheirForms") else { continue }
                let refused = Self.imports(of: text).map(\.module).filter {
                    !target.dependencies.contains($0) && !system.contains($0)
                }
                #expect(refused.isEmpty, "\(name)")
            }
        }
    }

    /// Every target depends only on those before it, and the table of docs/architecture.md has the same order.
    @Test func targetsStandInOrder() throws {
        let targets = try Self.targets()
        var before: Set<String> = []
        let all = Set(targets.map(\.module))
        for target in targets {
            let later = target.dependencies.intersection(all).subtracting(before)
            #expect(later.isEmpty, "\(target.name) stands before what it needs")
            before.insert(target.module)
        }
        let page = try String(
            contentsOf: packageRoot.appendingPathComponent("docs/architecture.md"), encoding: .utf8)
        let table = page.split(separator: "\n").drop { !$0.hasPrefix("| target") }.prefix { $0.hasPrefix("|") }
        let listed = table.flatMap { line in
            (line.split(separator: "|").first ?? "").matches(of: /`([\w-]+)`/).map { String($0.output.1) }
        }
        #expect(listed.count > 20)
        #expect(listed == targets.map(\.name).filter { listed.contains($0) })
        let folders = targets.filter { $0.path.hasPrefix("Sources/") }.map(\.name)
        #expect(Set(folders).subtracting(listed).isEmpty, "docs/architecture.md does not list every target")
    }

    private struct Target {
        var name: String
        var path: String
        /// The modules of what it depends on.
        var dependencies: Set<String>
        var module: String { name.replacingOccurrences(of: "-", with: "_") }
    }

    /// The targets of Package.swift, as far as its own style goes.
    private static func targets() throws -> [Target] {
        let text = try String(contentsOf: packageRoot.appendingPathComponent("Package.swift"), encoding: .utf8)
        let products = Dictionary(
            uniqueKeysWithValues: text.matches(of: /let (\w+): Target\.Dependency = \.product\(name: "(\w+)"/).map {
                (String($0.output.1), String($0.output.2))
            })
        let heads = text.matches(of: /\.(systemLibrary|target|executableTarget|testTarget)\(\s*name: "([\w-]+)"/)
        return heads.indices.map { index in
            let head = heads[index].output
            let end = index + 1 < heads.count ? heads[index + 1].range.lowerBound : text.endIndex
            let body = text[heads[index].range.upperBound..<end]
            let list = body.firstMatch(of: /dependencies: \[([^\]]*)\]/)?.output.1 ?? ""
            var dependencies = Set(list.matches(of: /"([\w-]+)"/).map { String($0.output.1) })
            dependencies.formUnion(list.matches(of: /\b\w+\b/).compactMap { products[String($0.output)] })
            let folder = head.1 == "testTarget" ? "Tests/" : "Sources/"
            let path = body.firstMatch(of: /path: "([^"]+)"/)?.output.1
            return Target(
                name: String(head.2), path: path.map(String.init) ?? folder + head.2,
                dependencies: Set(dependencies.map { $0.replacingOccurrences(of: "-", with: "_") }))
        }
    }

    @Test func onlyExecutablesReadSettings() {
        let settings: Set<String> = ["ArgumentParser", "Configuration", "Yams"]
        for (target, rule) in Self.rules where !target.hasPrefix("socketio-") {
            #expect(rule.anywhere.isDisjoint(with: settings), "\(target)")
        }
    }

    @Test func everyFileBeginsWithTheLicenceAndExplicitImports() throws {
        for file in Self.swiftFiles(in: packageRoot.appendingPathComponent("Sources")) {
            let text = try String(contentsOf: file, encoding: .utf8)
            #expect(text.hasPrefix("// Part of socketio-server, MIT licence; see LICENSE.\n"), "\(file.path)")
            let bare = Self.imports(of: text).filter { !$0.hasAccess }.map(\.module)
            #expect(bare.isEmpty, "\(file.path)")
        }
    }

    /// Durations are `Duration` in what applications and adapters see; `TimeAmount` and `NIODeadline` stay on the event loops.
    @Test func publicDeclarationsKnowOneDuration() throws {
        var declarations = 0
        for file in Self.swiftFiles(in: packageRoot.appendingPathComponent("Sources")) {
            for declaration in Self.publicDeclarations(of: try String(contentsOf: file, encoding: .utf8)) {
                declarations += 1
                let other = declaration.contains(/\b(TimeAmount|NIODeadline)\b/)
                #expect(!other, "\(file.lastPathComponent): \(declaration)")
            }
        }
        #expect(declarations > 500)
    }

    @Test func publicDeclarationsAreFoundInAllTheirForms() {
        let text = """
                /// A TimeAmount.
                public func a(
                    _ time: A
                ) -> B {
                    C()
                }
                public var d: E?
                @inlinable public static let f = G.h
                public protocol I: J {
                    func k(_ time: L)
                }
                @_exported public import M
            """
        let found = Self.publicDeclarations(of: text).map { $0.filter { !$0.isWhitespace } }
        #expect(
            found == [
                "publicfunca(_time:A)->B", "publicvard:E?", "@inlinablepublicstaticletf=G.h",
                "publicprotocolI:J{funck(_time:L)}", "@_exportedpublicimportM",
            ])
    }

    /// Each public declaration up to its body, and public protocols whole.
    private static func publicDeclarations(of text: String) -> [String] {
        var found: [String] = []
        var open: (text: String, end: String?)?
        for line in text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init) {
            if let (before, end) = open {
                open = (before + "\n" + line, end)
            } else if line.contains(/^\s*(@\w+ )*public\b/) {
                let isProtocol = line.contains(/\bpublic protocol\b/)
                open = (line, isProtocol ? String(line.prefix { $0 == " " }) + "}" : nil)
            }
            guard let (declaration, end) = open else { continue }
            let opened = declaration.count { $0 == "(" }
            let isWhole = opened == declaration.count { $0 == ")" }
            if end.map({ line == $0 }) ?? isWhole {
                // Bodies may use what they like.
                found.append(end == nil ? String(declaration.prefix { $0 != "{" }) : declaration)
                open = nil
            }
        }
        return found
    }

    @Test func importsAreFoundInAllTheirForms() {
        let text = """
            internal import A
            @_exported public import B
            #if os(Linux)
                internal import struct C.D
            #endif
            import E
            // import F
            let text = "import G"
            """
        #expect(Self.imports(of: text).map(\.module) == ["A", "B", "C", "E"])
        #expect(Self.imports(of: text).map(\.hasAccess) == [true, true, true, false])
    }

    static func imports(of text: String) -> [(module: String, hasAccess: Bool)] {
        text.split(separator: "\n").compactMap { line in
            let words = line.split { $0 == " " || $0 == "\t" }.map(String.init)
            guard let index = words.firstIndex(of: "import"), index + 1 < words.count else { return nil }
            let before = words[..<index]
            let access: Set<String> = ["internal", "public", "package", "private", "fileprivate"]
            guard before.allSatisfy({ $0.hasPrefix("@") || access.contains($0) }) else { return nil }
            let kinds: Set<String> = ["struct", "class", "enum", "protocol", "func", "typealias", "let", "var"]
            let name = kinds.contains(words[index + 1]) ? words.dropFirst(index + 2).first : words[index + 1]
            guard let module = name?.split(separator: ".").first else { return nil }
            return (String(module), before.contains { access.contains($0) })
        }
    }

    static func swiftFiles(in folder: URL) -> [URL] {
        let paths = FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil)
        return (paths?.compactMap { $0 as? URL } ?? []).filter { $0.pathExtension == "swift" }
    }
}
