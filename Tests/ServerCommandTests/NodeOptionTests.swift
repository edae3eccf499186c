// Part of socketio-server, MIT licence; see LICENSE.

internal import Foundation
internal import Testing

@testable internal import socketio_server

/// Names that people bring along from Node's server are answered with what they are called here.
@Suite struct NodeOptionTests {
    private static let page = packageRoot.appendingPathComponent("docs/coming-from-node.md")

    @Test(arguments: [
        (
            "pingInterval: 1\n",
            "pingInterval: this option of Node.js is called 'pingIntervalMs' here, in milliseconds as well"
        ),
        (
            "serveClient: false\n",
            "serveClient: this option of Node.js is called 'client.enabled' here, and 'client.directory' names the folder of the "
                + "files"
        ),
        (
            "wsEngine: ws\n",
            "wsEngine: this option of Node.js does not exist here: the server has its own WebSocket implementation"
        ),
        (
            "connectionStateRecovery: {maxDisconnectionDuration: 1}\n",
            "connectionStateRecovery: this option of Node.js is called 'recovery.enabled' here, and the other settings "
                + "'recovery.*' say how"
        ),
        (
            "cookie: {expires: x}\n",
            "cookie.expires: this option of Node.js is called 'cookie.maxAgeSeconds' here, a lifetime instead of a date"
        ),
    ])
    func keys(yaml: String, expected: String) async throws {
        let found = try await problems(yaml: yaml)
        #expect(found.count == 1)
        #expect(found.first?.hasSuffix(": " + expected) == true, "\(found)")
    }

    /// Values that Node takes where our settings have keys.
    @Test(arguments: [
        ("cors: \"*\"\n", "cors: {origin: [\"*\"]}"),
        ("cors: https://a.example\n", "cors: {origin: [\"https://a.example\"]}"),
        ("cookie: true\n", "cookie: {mode: sid}"),
        ("cookie: false\n", "cookie: {mode: \"off\"}"),
        ("cookie: node\n", "cookie: {mode: sid, name: node}"),
        ("httpCompression: false\n", "httpCompression: {enabled: false}"),
        ("perMessageDeflate: true\n", "perMessageDeflate: {enabled: true}"),
        ("client: false\n", "client: {enabled: false}"),
    ])
    func sections(yaml: String, instead: String) async throws {
        let found = try await problems(yaml: yaml)
        #expect(found.count == 1)
        #expect(found.first?.hasSuffix("found a value; write '\(instead)'") == true, "\(found)")
        let loaded = try await load(yaml: instead)
        #expect(!loaded.sources.isEmpty)
    }

    @Test(arguments: [
        ("--serve-client", "'--client-enabled' here"), ("--serveClient", "'--client-enabled' here"),
        ("--ping-interval", "'--ping-interval-ms' here"), ("--cors", "'--cors-origin' here"),
        ("--cookie", "'--cookie-mode' here"), ("--ws-engine", "does not exist here"),
        ("--passphrase", "'tls.keyPassword' here"),
    ])
    func flags(flag: String, answer: String) async throws {
        let found = try await problems(flags: [flag, "x"])
        #expect(found.count == 1)
        #expect(found.first?.hasPrefix("flag \(flag): this option of Node.js ") == true, "\(found)")
        #expect(found.first?.contains(answer) == true, "\(found)")
    }

    @Test(arguments: [
        ("SOCKETIO_SERVE_CLIENT", "'SOCKETIO_CLIENT_ENABLED' here"), ("SOCKETIO_CORS", "'SOCKETIO_CORS_ORIGIN' here"),
        ("SOCKETIO_WS_ENGINE", "does not exist here"), ("SOCKETIO_PING_TIMEOUT", "'SOCKETIO_PING_TIMEOUT_MS' here"),
    ])
    func variables(name: String, answer: String) async throws {
        let found = try await problems(environment: [name: "1"])
        #expect(found.count == 1)
        #expect(found.first?.contains(answer) == true, "\(found)")
    }

    @Test(arguments: ["mongo", "redis-cluster", "cluster", "postgres", "gcp-pubsub", "x"])
    func unknownAdapters(name: String) async throws {
        let found = try await problems(yaml: "adapter: \(name)\n")
        let allowed = SettingTable.byKey["adapter"]?.allowed ?? ""
        #expect(
            found == ["settings.yaml:1:10: adapter: adapter '\(name)' is not part of this version; allowed: \(allowed)"]
        )
    }

    @Test func nearMissesOfAdaptersAreStillSuggested() async throws {
        #expect(try await problems(flags: ["--adapter", "rediss"]).first?.hasSuffix("did you mean 'redis'?") == true)
    }

    // MARK: The table

    @Test func theTableNamesSettingsThatExist() {
        for option in NodeOptions.all {
            if let key = option.key {
                #expect(SettingTable.byKey[key] != nil, "\(option.name)")
            } else {
                #expect(!option.note.isEmpty, "\(option.name)")
            }
        }
        #expect(Set(NodeOptions.all.map(\.name)).count == NodeOptions.all.count)
    }

    /// `| \`serveClient\` | … | \`client.enabled\` | … |`
    private static func rows() throws -> [[Substring]] {
        let text = try String(contentsOf: page, encoding: .utf8)
        guard let start = text.range(of: "\n## Options of the server\n") else { return [] }
        let rest = text[start.upperBound...]
        let section = rest.firstRange(of: "\n## ").map { rest[..<$0.lowerBound] } ?? rest
        return section.split(separator: "\n").filter { $0.hasPrefix("| `") }.map { row in
            row.split(separator: "|").map { $0.trimmingPrefix(" ") }
        }
    }

    private static func quoted(_ text: Substring) -> [String] {
        text.matches(of: /`([^`]+)`/).map { String($0.1) }
    }

    @Test func everySettingOnThePageExists() throws {
        let rows = try Self.rows()
        #expect(rows.count > 30)
        for row in rows {
            #expect(row.count >= 4, "\(row)")
            for key in Self.quoted(row[2]) { #expect(SettingTable.byKey[key] != nil, "\(key) of \(row[0])") }
        }
    }

    @Test func thePageHasEveryOptionOfTheTable() throws {
        let rows = try Self.rows()
        for option in NodeOptions.all {
            let row = rows.first { Self.quoted($0[0]).contains(option.name) }
            #expect(row != nil, "\(option.name) is not on the page")
            guard let row else { continue }
            if let key = option.key {
                #expect(Self.quoted(row[2]).contains(key), "\(option.name)")
            } else {
                #expect(Self.quoted(row[2]).isEmpty, "\(option.name)")
            }
        }
    }
}
