// Part of socketio-server, MIT licence; see LICENSE.

internal import Foundation

/// The pages of `docs/` and the sources that compile what they show.
enum Pages {
    /// The folder with `Package.swift`.
    static let root: URL = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    static func text(_ path: String) throws -> String {
        try String(contentsOf: root.appending(path: path), encoding: .utf8)
    }

    /// The fenced blocks of one language.
    static func blocks(_ language: String, in text: String) -> [String] {
        text.components(separatedBy: "```\(language)\n").dropFirst().map { $0.components(separatedBy: "```")[0] }
    }

    /// The lines of a text without indentation and empty lines.
    static func lines(_ text: String) -> [String] {
        text.split(separator: "\n").map { $0.trimmingCharacters(in: .whitespaces) }.filter { !$0.isEmpty }
    }

    /// Whether a block stands in one of the sources, line by line.
    static func isCompiled(_ block: String, in sources: [String]) -> Bool {
        // Imports stand at the head of a source, where they come once.
        let wanted = lines(block).filter { !$0.hasPrefix("import ") && !$0.hasPrefix("@testable import ") }
        return sources.contains { source in
            let compiled = lines(source)
            return compiled.indices.contains { compiled[$0...].starts(with: wanted) }
        }
    }

    /// The rows of all tables below a heading of the second level, as cells without the outer bars.
    static func rows(in text: String, below heading: String) -> [[String]] {
        guard let start = text.range(of: "\n## \(heading)\n") else { return [] }
        let rest = text[start.upperBound...]
        let section = rest.range(of: "\n## ").map { rest[..<$0.lowerBound] } ?? rest
        let edges = CharacterSet(charactersIn: " |")
        return section.split(separator: "\n").filter { $0.hasPrefix("| ") }.map { row in
            row.dropFirst(2).components(separatedBy: " | ").map { $0.trimmingCharacters(in: edges) }
        }.filter { !$0.allSatisfy { cell in cell.allSatisfy { $0 == "-" } } }
    }

    /// The texts between single backticks.
    static func code(in cell: String) -> [String] {
        cell.split(separator: "`", omittingEmptySubsequences: false).enumerated().filter { $0.offset % 2 == 1 }
            .map { String($0.element) }
    }
}
