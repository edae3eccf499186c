// Part of socketio-server, MIT licence; see LICENSE.

internal import Foundation
internal import Testing

@testable internal import socketio_server

/// Files that nothing compiles name settings, variables, metrics and each other: none of them may name what is not there.
@Suite struct ShippedNamesTests {
    private static let texts =
        try?
        (shippedFiles(below: "config") + shippedFiles(below: "docker")
        + shippedFiles(below: "docs") + ["README.md", "Makefile"])

    private static func texts(_ check: (_ path: String, _ text: String) -> Void) throws {
        let texts = try #require(Self.texts)
        #expect(texts.count > 20)
        for path in texts { check(path, try shipped(path)) }
    }

    @Test func variablesAreSettings() throws {
        var found: Set<String> = []
        try Self.texts { path, text in
            for match in text.matches(of: /\bSOCKETIO_[A-Z0-9_]*[A-Z0-9]\b/) {
                let name = String(match.output)
                found.insert(name)
                let isKnown =
                    SettingTable.byEnvironmentName[name] != nil || SettingsLoader.otherVariables.contains(name)
                #expect(isKnown, "\(path): \(name)")
            }
        }
        #expect(found.count > 10)
    }

    @Test func settingsNamedInWordsExist() throws {
        let groups = Set(SettingTable.all.compactMap { $0.components.count > 1 ? $0.components[0] : nil })
        // What looks like a setting and is a file or a host.
        let others: Set<String> = [
            "md", "yaml", "yml", "example", "sock", "log", "conf", "cfg", "js", "txt", "adapter", "statistics",
            "default", "emit", "send", "jwt",
        ]
        var found: Set<String> = []
        for path in try #require(Self.texts) where path.hasPrefix("config/") || path.hasPrefix("docker/") {
            for match in try shipped(path).matches(of: /(?:^|[\s'"`(])([a-zA-Z]+)\.([a-z][A-Za-z]+)\b/) {
                let (group, name) = (String(match.1), String(match.2))
                guard groups.contains(group), !others.contains(name) else { continue }
                found.insert("\(group).\(name)")
                #expect(SettingTable.byKey["\(group).\(name)"] != nil, "\(path): \(group).\(name)")
            }
        }
        #expect(found.count > 5, "\(found)")
    }

    @Test func metricsExist() throws {
        var found: Set<String> = []
        for path in [
            "config/prometheus/rules.yml", "config/prometheus/rules.test.yml", "config/grafana/dashboard.json",
            "docs/operations.md", "docs/deployment.md", "docs/cluster.md",
        ] {
            for match in try shipped(path).matches(of: /\b(?:engineio|socketio|process)_[a-z0-9_]*[a-z0-9]\b/) {
                var name = String(match.output)
                for suffix in ["_bucket", "_sum", "_count"] where MetricCatalog.entries[name] == nil {
                    if name.hasSuffix(suffix) { name.removeLast(suffix.count) }
                }
                found.insert(name)
                #expect(MetricCatalog.entries[name] != nil, "\(path): \(name)")
            }
        }
        #expect(found.count > 40)
    }

    /// Links between the documents, with their headings, and paths in `code`.
    @Test func documentsNameWhatIsThere() throws {
        for path in try #require(Self.texts) where path.hasSuffix(".md") {
            let text = try shipped(path)
            let folder = (path as NSString).deletingLastPathComponent
            for match in text.matches(of: /\]\(([^)#:\s]*)(?:#([^)\s]+))?\)/) {
                let file = match.1.isEmpty ? path : (folder as NSString).appendingPathComponent(String(match.1))
                #expect(isShipped(file), "\(path): \(match.output.0)")
                if let heading = match.2, isShipped(file) {
                    #expect(Self.headings(try shipped(file)).contains(String(heading)), "\(path): \(match.output.0)")
                }
            }
            for match in text.matches(of: /`((?:config|docker|docs|\.ci|Tests|Sources)\/[A-Za-z0-9_.\/-]*)`/) {
                #expect(isShipped(String(match.1)), "\(path): \(match.1)")
            }
        }
    }

    /// The anchors of a document's headings.
    static func headings(_ text: String) -> Set<String> {
        Set(
            text.split(separator: "\n").filter { $0.hasPrefix("#") }.map { line in
                line.drop { $0 == "#" || $0 == " " }.lowercased()
                    .filter { $0.isLetter || $0.isNumber || $0 == " " || $0 == "-" || $0 == "_" }
                    .replacing(" ", with: "-")
            })
    }
}
