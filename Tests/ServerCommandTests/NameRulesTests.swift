// Part of socketio-server, MIT licence; see LICENSE.

internal import Foundation
internal import RegexBuilder
internal import Testing

/// Names from peers are bytes (`ExactName`, `NameSet`, `NameDictionary`). Swift's own strings and characters compare by
/// canonical equivalence, and hashing or comparing them costs the square of a run of combining marks; so there is no table
/// of strings in the sources but those listed here, and where peers' texts go, nothing that looks at characters.
@Suite struct NameRulesTests {
    /// Files and folders below `Sources` that may have tables or sets of strings, and why: none of the keys is a peer's.
    private static let tables: [String: String] = [
        "EngineIOServer/EngineHooks.swift": "the keys are this package's, only the values are the client's",
        "EngineIOServer/EngineServer+Handshakes.swift": "the same, on its way to the hook",
        "EngineIOServer/Routing/HTTPRouter.swift": "the same, of requests a middleware refused",
        "EngineIOServer/Routing/ClientFiles.swift": "names of files of the shipped client",
        "HiredisNIO/RedisConfiguration+URL.swift": "parameters of a URL from the settings",
        "SocketIOCore/Value/Decoding/PayloadKeyedDecodingContainer.swift": "a type that is named in an error",
        "SocketIOCore/Value/Decoding/StringKeys.swift":
            "tells what a dictionary of strings would merge, of names that are cheap",
        "socketio-server/Settings/": "keys and flags of settings, variables of the environment",
        "socketio-server/Webhooks/WebhookOperation.swift": "kinds of events",
        "SocketIORedis/Streams/EarlyEntries.swift": "ids of a stream, which are numbers",
        "socketio-server/Operations/": "parts of the server, families of metrics, files to watch",
        "socketio-server/Commands/ProxyConfigCommand.swift": "tags from the command line",
    ]

    /// Files and folders that may look at characters: of texts that are the operator's or this package's, or that have been
    /// made short before.
    private static let characters: [String: String] = [
        "EngineIOServer/EngineConfiguration.swift": "the path of the settings",
        "EngineIOServer/EngineConfiguration+Validation.swift": "settings",
        "EngineIOServer/Transport/PollingHeaders.swift": "lines of this package",
        "EngineIOServer/Routing/ClientFiles.swift": "the path of the settings, names of files",
        "HTTPServerCore/Codec/ProxyHeader.swift": "an address that the system has understood",
        "HTTPServerCore/Policy/TrustedProxies.swift": "networks of the settings",
        "HTTPServerCore/Codec/RequestHead.swift": "bytes",
        "EngineIOServer/Observability/EngineObserver.swift": "bytes",
        "SocketIOServer/Value+Foundation.swift": "a UUID",
        "SocketIOJWT/TokenKeys+PEM.swift": "keys of the operator",
        "SocketIOJWT/TokenKeys+JWKS.swift": "values, which compare by bytes",
        "Chat/Names/ChatName.swift": "names that are folded on purpose, after their bytes have been counted",
    ]

    /// Where texts of peers go.
    private static let targets = [
        "ByteText", "PeerLogging", "HTTPServerCore", "RequestForwarding", "EngineIOCore", "EngineIOServer",
        "SocketIOCore", "SocketIOServer", "SocketIOCluster", "SocketIORedis", "SocketIOJWT", "SocketIOHummingbird",
        "Chat",
    ]

    /// Not part of a server: a load generator, an application for test suites, test clients.
    private static let ignored = ["socketio-load/", "socketio-conformance-server/", "SocketIOTesting/"]

    private static func lines(in folder: String = "") throws -> [(file: String, line: String)] {
        let sources = packageRoot.appendingPathComponent("Sources")
        let root = sources.appendingPathComponent(folder)
        let files = try #require(FileManager.default.enumerator(atPath: root.path)).compactMap { $0 as? String }
        var found: [(String, String)] = []
        for name in files.sorted() where name.hasSuffix(".swift") {
            let file = folder.isEmpty ? name : folder + "/" + name
            guard !ignored.contains(where: file.hasPrefix) else { continue }
            let text = try String(contentsOf: root.appendingPathComponent(name), encoding: .utf8)
            for line in text.split(separator: "\n") {
                let code = line.drop { $0 == " " }
                if !code.hasPrefix("//") { found.append((file, String(code))) }
            }
        }
        #expect(found.count > 1000 || !folder.isEmpty)
        return found
    }

    /// What breaks a rule without an excuse, and which excuses are not used.
    private static func check(
        _ lines: [(file: String, line: String)], allowed: [String: String],
        _ breaks: (String) -> Bool
    ) -> (found: [String], unused: [String]) {
        var found: [String] = []
        var used: Set<String> = []
        for (file, line) in lines where breaks(line) {
            if let excuse = allowed.keys.first(where: { file == $0 || $0.hasSuffix("/") && file.hasPrefix($0) }) {
                used.insert(excuse)
            } else {
                found.append("\(file): \(line)")
            }
        }
        return (found, allowed.keys.filter { !used.contains($0) }.sorted())
    }

    @Test func noTableHasTextsOfPeersAsItsKeys() throws {
        let table = /\[(String|Substring|Character)\??\s*:\s|\b(Set|Dictionary)<(String|Substring|Character)\b/
        // Their element is inferred: a set of ids or names would go unnoticed.
        let inferred = /\bSet\((?!names\.lazy\.map \{ ExactName)/
        let known = ["socketio-server/Settings/", "socketio-server/Operations/"]
        #expect("let a: [String: Int] = [:]".contains(table) && "Set<String>".contains(table))
        #expect(!"NameDictionary<String>".contains(table) && !"[ExactName: String]".contains(table))
        let result = Self.check(try Self.lines(), allowed: Self.tables) {
            $0.contains(table) || $0.contains(inferred) || $0.contains("Set<Int>")
        }
        #expect(result.found.isEmpty, "names from peers are the keys of NameDictionary, NameSet or ExactName")
        #expect(result.unused.isEmpty && known.allSatisfy { Self.tables[$0] != nil })
    }

    @Test func nothingLooksAtTheCharactersOfTextsOfPeers() throws {
        let looks = Regex {
            ChoiceOf {
                /\.(hasPrefix|hasSuffix|lowercased|uppercased|capitalized|localizedStandardContains)\(/
                /\.split\((separator: "|whereSeparator)/
                /\.contains\("/
                /(first|last)(Index|Range)\(of: "/
                /(prefix|drop|filter)(\(while:)? ?\{ \$0 [!=]= "/
                /trimmingCharacters|components\(separatedBy|replacingOccurrences/
            }
        }
        #expect(#"if text.hasPrefix("a")"#.contains(looks) && #"value.split(separator: ",")"#.contains(looks))
        #expect(#"value.prefix { $0 != "," }"#.contains(looks) && #"text.contains("x")"#.contains(looks))
        var lines: [(file: String, line: String)] = []
        for target in Self.targets { lines += try Self.lines(in: target) }
        let result = Self.check(lines, allowed: Self.characters) { $0.contains(looks) }
        #expect(result.found.isEmpty, "compare the `utf8` views of what a peer has made")
        #expect(result.unused.isEmpty)
    }
}
