// Part of socketio-server, MIT licence; see LICENSE.

internal import Foundation
internal import Testing

/// The table of faults that `make mutants` puts into the sources fits the sources, the suites and the manual of today.
@Suite struct MutantTableTests {
    private struct Mutant {
        var name: String
        var suites: String
        var meaning: String
        var file: String
        /// What is replaced.
        var originals: [String]
    }

    private static func text(_ path: String) throws -> String {
        try String(contentsOf: packageRoot.appendingPathComponent(path), encoding: .utf8)
    }

    private static func table() throws -> [Mutant] {
        let lines = try text("Tests/Mutants/mutants.txt").split(separator: "\n", omittingEmptySubsequences: false)
            .filter { !$0.hasPrefix("#") }
        return try lines.split(separator: "").map { block in
            let block = Array(block)
            let head = try #require(block.first).replacing("\\|", with: "\u{0}").split(separator: "|").map {
                $0.trimmingCharacters(in: .whitespaces).replacing("\u{0}", with: "|")
            }
            try #require(head.count == 3 && block.count >= 4 && block.count.isMultiple(of: 2), "\(head)")
            let originals = try stride(from: 2, to: block.count, by: 2).map { line in
                let (old, new) = (block[line], block[line + 1])
                try #require(old.hasPrefix("- ") && (new.hasPrefix("+ ") || new.hasPrefix("= ")), "\(head)")
                return String(old.dropFirst(2))
            }
            return Mutant(
                name: head[0], suites: head[1], meaning: head[2], file: String(block[1]), originals: originals)
        }
    }

    @Test func everyFaultHasItsPlaceInTheSources() throws {
        let mutants = try Self.table()
        #expect(mutants.count >= 40)
        #expect(Set(mutants.map(\.name)).count == mutants.count, "names are unique")
        for mutant in mutants {
            let text = try Self.text(mutant.file)
            for original in mutant.originals {
                let count = text.ranges(of: original).count
                #expect(count == 1, "\(mutant.name): '\(original)' is \(count) times in \(mutant.file)")
            }
        }
    }

    @Test func everySuiteExists() throws {
        let tests = try FileManager.default.subpathsOfDirectory(
            atPath: packageRoot.appendingPathComponent("Tests").path
        ).filter { $0.hasSuffix("Tests.swift") }.map { String($0.split(separator: "/").last ?? "").dropLast(6) }
        for mutant in try Self.table() {
            for suite in mutant.suites.split(separator: "|") {
                let name = suite.split(separator: ".")[0]
                #expect(tests.contains { $0 == name }, "\(mutant.name): no suite \(name)")
            }
        }
    }

    @Test func theManualHasTheTable() throws {
        let manual = try Self.text("docs/testing.md")
        for mutant in try Self.table() {
            let suites = mutant.suites.replacing("|", with: "`, `")
            #expect(
                manual.contains("| \(mutant.meaning) (`\(mutant.name)`) | `\(suites)` |"),
                "\(mutant.name): `.ci/mutants.py --markdown` prints the table")
        }
    }
}
