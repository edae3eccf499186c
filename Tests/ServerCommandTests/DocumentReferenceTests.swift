// Part of socketio-server, MIT licence; see LICENSE.

internal import Foundation
internal import Testing

/// Sections of `docs/protocol.md` and `docs/decisions.md` that comments and pages cite exist, and nothing cites a document
/// outside the repository.
@Suite struct DocumentReferenceTests {
    /// One cited section, and the item of its numbered list if one is named.
    private struct Reference: Hashable, CustomStringConvertible {
        var page: String
        var section: String
        var rule: Int?

        var description: String { "\(page) \(section)" + (rule.map { ", rule \($0)" } ?? "") }
    }

    /// The numbers of a page's headings, each with the numbers of the items of its numbered list.
    private typealias Sections = [String: Set<Int>]

    private static let pages = ["protocol", "decisions"]
    private static let folders = ["Sources", "Tests", "docs", "config", "docker", ".ci"]
    private static let files = ["README.md", "CHANGELOG.md", "Package.swift", "Makefile"]
    private static let kinds: Set<String> = [
        "swift", "md", "sh", "py", "js", "html", "c", "h", "txt", "yaml", "yml", "cfg", "conf",
    ]

    @Test(arguments: pages)
    func citedSectionsExist(page: String) throws {
        let sections = try Self.sections(of: page)
        #expect(sections.count > 15)
        var count = 0
        for (path, text) in try Self.texts() {
            for reference in Self.references(in: text) where reference.page == page {
                count += 1
                let isThere = Self.exists(reference, in: sections)
                #expect(isThere, "\(path) cites \(reference)")
            }
        }
        #expect(count > (page == "protocol" ? 90 : 8), "\(count)")
    }

    /// Within the page itself the name of the page is left out: `(1.8.2, rule 4)`.
    @Test func sectionsOfTheProtocolCiteEachOther() throws {
        let sections = try Self.sections(of: "protocol")
        let matches = try Self.text(of: "protocol").matches(of: /\((\d+(?:\.\d+)+)(?:, rule (\d+))?/)
        #expect(matches.count > 50)
        for match in matches {
            let reference = Reference(page: "protocol", section: String(match.1), rule: match.2.flatMap { Int($0) })
            let isThere = Self.exists(reference, in: sections)
            #expect(isThere, "\(match.0)")
        }
    }

    @Test(arguments: pages)
    func headingsAreNumberedOnce(page: String) throws {
        let numbers = Self.headings(of: try Self.text(of: page))
        #expect(Set(numbers).count == numbers.count)
    }

    @Test func nothingCitesADocumentOutsideTheRepository() throws {
        for (path, text) in try Self.texts() {
            for match in Self.outsideReferences(in: text) { Issue.record("\(path) cites \(match)") }
        }
    }

    // MARK: The finders

    @Test func referencesAreFoundInAllTheirForms() {
        let text = """
            /// As protocol 4.7 says (protocol 1.8.2, 1.8.3, 1.11).
            /// Protocol 1.8.2, rule 5, and 1.8.3, rule 3: both. Client files (protocol 8), 8 of them; see decisions 3.
            /// Socket.IO protocol v5 is none of them, and neither is 4.7.
            """
        let found = Self.references(in: text).map(\.description)
        let expected = [
            "protocol 4.7", "protocol 1.8.2", "protocol 1.8.3", "protocol 1.11", "protocol 1.8.2, rule 5",
            "protocol 1.8.3, rule 3", "protocol 8", "decisions 3",
        ]
        #expect(found == expected)
    }

    @Test func wrongReferencesDoNotExist() {
        let sections = Self.sections(in: "# 1 One\n\n1. a\n2. b\n\n## 1.1 Two\n\n3. c\n")
        for (text, isThere) in [
            ("protocol 1", true), ("protocol 1.1", true), ("protocol 1.2", false), ("protocol 2", false),
            ("protocol 1.1.1", false), ("protocol 1, rule 2", true), ("protocol 1, rule 3", false),
            ("protocol 1.1, rule 3", true),
        ] {
            let references = Self.references(in: text)
            #expect(references.count == 1)
            #expect(references.allSatisfy { Self.exists($0, in: sections) } == isThere, "\(text)")
        }
    }

    @Test(
        arguments: ["spec", "Spec", "design", "hardening", "style"], [" 4.7", " 8", " 1.8.2, 5", " A", " B2.28", ".md"])
    func documentsOutsideAreFound(name: String, section: String) {
        #expect(Self.outsideReferences(in: "/// What it says (\(name)\(section)).").count == 1)
    }

    @Test func otherWordsAreNoDocuments() {
        let text = "by design a style sheet, timespec 3, spec: 3, \"spec\", a design. Spec-conform."
        #expect(Self.outsideReferences(in: text).isEmpty)
    }

    private static func references(in text: String) -> [Reference] {
        let section = /(\d+(?:\.\d+)*)(?:, rule (\d+))?/
        // The first section stands alone: `protocol 8`. Further ones have a point, which tells them from other numbers.
        let citation =
            /\b([Pp]rotocol|[Dd]ecisions) (\d+(?:\.\d+)*(?:, rule \d+)?(?:(?:,| and|, and) \d+(?:\.\d+)+(?:, rule \d+)?)*)/
        return text.matches(of: citation).flatMap { match in
            match.2.matches(of: section).map {
                Reference(page: match.1.lowercased(), section: String($0.1), rule: $0.2.flatMap { Int($0) })
            }
        }
    }

    private static func outsideReferences(in text: String) -> [String] {
        let citation = /\b(?:[Ss]pec|[Dd]esign|[Hh]ardening|[Ss]tyle)(?:\.md\b| \d+(?:\.\d+)*\b| [A-D]\d?(?:\.\d+)?\b)/
        return text.matches(of: citation).map { String($0.0) }
    }

    // MARK: The pages

    private static func exists(_ reference: Reference, in sections: Sections) -> Bool {
        guard let rules = sections[reference.section] else { return false }
        return reference.rule.map { rules.contains($0) } ?? true
    }

    private static func text(of page: String) throws -> String {
        try String(contentsOf: packageRoot.appendingPathComponent("docs/\(page).md"), encoding: .utf8)
    }

    private static func sections(of page: String) throws -> Sections { sections(in: try text(of: page)) }

    private static func sections(in text: String) -> Sections {
        var sections: Sections = [:]
        var current = ""
        for line in text.split(separator: "\n") {
            if let heading = line.prefixMatch(of: #/[#]+ (\d+(?:\.\d+)*) /#) {
                current = String(heading.1)
                sections[current] = []
            } else if let item = line.prefixMatch(of: #/(\d+)\. /#), let number = Int(item.1) {
                sections[current]?.insert(number)
            }
        }
        return sections
    }

    private static func headings(of text: String) -> [String] {
        text.split(separator: "\n").compactMap { line in
            line.prefixMatch(of: #/[#]+ (\d+(?:\.\d+)*) /#).map { String($0.1) }
        }
    }

    /// Everything that people read and write in the repository, without this file.
    private static func texts() throws -> [(path: String, text: String)] {
        var urls = files.map { packageRoot.appendingPathComponent($0) }
        for folder in folders {
            let url = packageRoot.appendingPathComponent(folder)
            let found = FileManager.default.enumerator(at: url, includingPropertiesForKeys: nil)?.allObjects ?? []
            urls += found.compactMap { $0 as? URL }.filter { file in
                kinds.contains(file.pathExtension) || (file.pathExtension.isEmpty && folder == ".ci")
            }
        }
        let own = URL(fileURLWithPath: #filePath).lastPathComponent
        let skipped = ["/node_modules/", "/.build"]
        return try urls.compactMap { url in
            guard url.lastPathComponent != own, !skipped.contains(where: { url.path.contains($0) }), !isFolder(url)
            else {
                return nil
            }
            return (url.path, String(decoding: try Data(contentsOf: url), as: UTF8.self))
        }
    }

    private static func isFolder(_ url: URL) -> Bool {
        var isFolder: ObjCBool = false
        return FileManager.default.fileExists(atPath: url.path, isDirectory: &isFolder) && isFolder.boolValue
    }
}
