// Part of socketio-server, MIT licence; see LICENSE.

internal import Foundation
internal import Testing
internal import Yams

/// A place in a YAML or JSON document, which may be empty.
struct YAMLTree {
    let value: Any?

    /// The only document of a file, named from the folder of the package.
    static func file(_ path: String) throws -> YAMLTree {
        try #require(try files(path).first)
    }

    /// All documents of a file.
    static func files(_ path: String) throws -> [YAMLTree] {
        try Yams.load_all(yaml: try shipped(path)).map { YAMLTree(value: $0) }
    }

    subscript(_ keys: String...) -> YAMLTree {
        keys.reduce(self) { YAMLTree(value: $0.map[$1] ?? nil) }
    }

    private var map: [String: Any] {
        guard let pairs = value as? [AnyHashable: Any] else { return [:] }
        return pairs.reduce(into: [:]) { $0["\($1.key.base)"] = $1.value }
    }

    var keys: [String] { map.keys.sorted() }
    var items: [YAMLTree] { (value as? [Any] ?? []).map { YAMLTree(value: $0) } }
    /// A scalar as text.
    var text: String? {
        switch value {
        case let text as String: text
        case let number as Int: "\(number)"
        case let flag as Bool: "\(flag)"
        default: nil
        }
    }
    var number: Int? { value as? Int }
    var flag: Bool? { value as? Bool }
    /// A map of scalars.
    var texts: [String: String] {
        keys.reduce(into: [:]) { $0[$1] = self[$1].text ?? "" }
    }
    /// The same whatever the order of keys.
    var canonical: String {
        if !keys.isEmpty { return "{" + keys.map { "\($0): \(self[$0].canonical)" }.joined(separator: ", ") + "}" }
        if !items.isEmpty { return "[" + items.map(\.canonical).joined(separator: ", ") + "]" }
        return text ?? "-"
    }
}

/// The contents of a shipped file, named from the folder of the package.
func shipped(_ path: String) throws -> String {
    try String(contentsOf: packageRoot.appendingPathComponent(path), encoding: .utf8)
}

/// All files below a folder of the package, named from there.
func shippedFiles(below folder: String) throws -> [String] {
    try FileManager.default.subpathsOfDirectory(atPath: packageRoot.appendingPathComponent(folder).path)
        .filter { path in
            var isFolder: ObjCBool = false
            let whole = packageRoot.appendingPathComponent("\(folder)/\(path)").path
            return FileManager.default.fileExists(atPath: whole, isDirectory: &isFolder) && !isFolder.boolValue
        }.map { "\(folder)/\($0)" }.sorted()
}

func isShipped(_ path: String) -> Bool {
    FileManager.default.fileExists(atPath: packageRoot.appendingPathComponent(path).path)
}

/// Milliseconds of `20s`, `45s` or `1m30s`, as systemd and Compose write them.
func milliseconds(_ text: String?) -> Int? {
    guard let text, let match = text.wholeMatch(of: /(?:(\d+)m)?(?:(\d+)s)?/) else { return nil }
    return 60_000 * (match.1.flatMap { Int($0) } ?? 0) + 1_000 * (match.2.flatMap { Int($0) } ?? 0)
}
