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

    /// The words before the name of a type.
    private static let kinds: Set<Substring> = ["struct", "enum", "class", "actor", "protocol", "typealias"]

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

    /// A target made of some files of another one has no use for types of the files that it leaves out.
    @Test(arguments: ["SocketIOJWT", "Chat", "ServerSettings"])
    func chosenFilesStandAlone(of name: String) throws {
        let folder = Self.folder.appendingPathComponent("Sources/\(name)").resolvingSymlinksInPath()
        let text = try String(contentsOf: Self.folder.appendingPathComponent("Package.swift"), encoding: .utf8)
        // Of the target, or of the path of one.
        let begin = try #require(text.range(of: "name: \"\(name)\"") ?? text.range(of: "Sources/\(name)\""))
        let list = try #require(text[begin.upperBound...].firstMatch(of: #/sources: \[([^\]]*)\]/#)).1
        let chosen = list.matches(of: #/"([^"]+)"/#).map { String($0.1) }
        #expect(!chosen.isEmpty)

        // The types of the other files, and the names in these ones, of which some are types within types here.
        var declared: [String: String] = [:]
        var used: [String: Set<Substring>] = [:]
        var own: Set<String> = []
        let files = try #require(FileManager.default.enumerator(atPath: folder.path))
        for case let path as String in files where path.hasSuffix(".swift") {
            let source = try String(contentsOf: folder.appendingPathComponent(path), encoding: .utf8)
            let isChosen = chosen.contains { path == $0 || path.hasPrefix($0 + "/") }
            for line in source.split(separator: "\n") {
                let code = line.split(separator: "\"", omittingEmptySubsequences: false).enumerated()
                    .filter { $0.offset.isMultiple(of: 2) }
                let words = code.flatMap { $0.element.split { !$0.isLetter && !$0.isNumber && $0 != "_" } }
                guard !line.contains("//"), let kind = words.firstIndex(where: Self.kinds.contains) else {
                    if isChosen, !line.contains("//") { used[path, default: []].formUnion(words) }
                    continue
                }
                guard let name = words[kind...].dropFirst().first else { continue }
                if isChosen {
                    own.insert(String(name))
                    used[path, default: []].formUnion(words[kind...].dropFirst(2))
                } else if !line.hasPrefix(" ") {
                    declared[String(name)] = path
                }
            }
        }
        #expect(!declared.isEmpty && !used.isEmpty)
        for (path, names) in used {
            for name in names where !own.contains(String(name)) {
                guard let other = declared[String(name)] else { continue }
                Issue.record("\(path) needs \(name) of \(other), which Tests/Fuzz/Package.swift leaves out")
            }
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
