// Part of socketio-server, MIT licence; see LICENSE.

internal import Foundation
internal import Testing

/// `Tests/Fuzz/Package.swift` is built by `make fuzz` only. What it says twice, or in other words than the package itself, is
/// compared here, so that a change there does not wait for the next fuzzing.
@Suite("Fuzz package")
struct FuzzPackageTests {
    private static let root = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    private static let folder = root.appendingPathComponent("Tests/Fuzz")

    /// Targets that both packages have whole. The others are made of some files only.
    private static let shared = [
        "LoopConfinement", "PeerLogging", "HTTPServerCore", "RequestForwarding", "EngineIOCore", "EngineIOServer",
        "HiredisNIO", "SocketIOCore", "SocketIOServer", "SocketIOCluster", "SocketIORedis",
    ]

    @Test func targetsHaveTheSameDependencies() throws {
        let package = try Manifest(Self.root)
        let fuzz = try Manifest(Self.folder)
        for name in Self.shared {
            let expected = try #require(package.dependencies[name], "\(name) is gone from the package")
            #expect(fuzz.dependencies[name] == expected, "\(name) in Tests/Fuzz/Package.swift")
        }
        #expect(fuzz.packages.count >= 8)
        #expect(fuzz.packages.subtracting(package.packages).isEmpty, "packages or versions differ")
    }

    /// The harness may use what its tests use, with the settings as a library instead of the executable.
    @Test func theHarnessHasTheDependenciesOfItsTests() throws {
        var expected = try #require(try Manifest(Self.root).dependencies["FuzzTests"])
        expected.remove("\"ProcessTesting\"")
        #expect(expected.remove("\"socketio-server\"") != nil)
        expected.insert("\"socketio_server\"")
        #expect(try Manifest(Self.folder).dependencies["FuzzHarness"] == expected)
    }

    /// The sources are links, and files chosen from where they lead.
    @Test func everySourceIsThere() throws {
        let files = FileManager.default
        let sources = Self.folder.appendingPathComponent("Sources")
        for name in try files.contentsOfDirectory(atPath: sources.path) {
            let path = sources.appendingPathComponent(name).path
            #expect(files.fileExists(atPath: path), "the link \(name) leads nowhere")
        }
        let chosen = [
            "SocketIOJWT/TokenAlgorithm.swift", "Chat/ChatLimits.swift", "ServerSettings/Settings",
            "ServerSettings/Cluster/RedisSettings.swift", "ServerSettings/Permissions/RoomRule.swift",
        ]
        let text = try String(contentsOf: Self.folder.appendingPathComponent("Package.swift"), encoding: .utf8)
        for path in chosen {
            #expect(files.fileExists(atPath: sources.appendingPathComponent(path).path), "\(path) has moved")
            let name = path.split(separator: "/").dropFirst().joined(separator: "/")
            #expect(text.contains("\"\(name)\""), "the manifest does not name \(name)")
        }
    }

    /// docs/testing.md says of each target what its bytes are and what must hold.
    @Test func everyTargetIsDescribed() throws {
        let text = try String(contentsOf: Self.root.appendingPathComponent("docs/testing.md"), encoding: .utf8)
        let rows = text.split(separator: "\n").filter { $0.hasPrefix("| `") }.compactMap { row in
            row.split(separator: "|").first
        }
        for name in FuzzTarget.all.map(\.name) {
            #expect(rows.contains { $0.contains("`\(name)`") }, "docs/testing.md has no row for \(name)")
        }
    }
}

/// What a manifest says, as text.
private struct Manifest {
    /// The dependencies of each target, with quotes where they are names.
    var dependencies: [String: Set<String>] = [:]
    /// Each package with what is asked of it.
    var packages: Set<String> = []

    init(_ folder: URL) throws {
        let file = folder.appendingPathComponent("Package.swift")
        let text = try String(contentsOf: file, encoding: .utf8).filter { !$0.isWhitespace }
        for match in text.matches(of: #/arget\(name:"([^"]+)",dependencies:\[([^\]]*)\]/#) {
            // A dependency written as `.product(…)` would be cut at its comma; the lists compared here have none.
            dependencies[String(match.1)] = Set(match.2.split(separator: ",").map(String.init))
        }
        for match in text.matches(of: #/\.package\(url:"[^"]+",[^)\[]*(?:\[[^\]]*\])?\)/#) {
            packages.insert(String(match.0))
        }
    }
}
