// Part of socketio-server, MIT licence; see LICENSE.

internal import Foundation
internal import Testing

/// Where a stage has a short and a general path, `docs/architecture.md` names the tests that keep them equal.
@Suite struct ShortPathTableTests {
    @Test func everyPairOfPathsHasATest() throws {
        let page = try String(
            contentsOf: packageRoot.appendingPathComponent("docs/architecture.md"), encoding: .utf8)
        let table = try #require(
            page.components(separatedBy: "| stage | short path | general path | tests |").dropFirst().first)
        let rows = table.components(separatedBy: "\n\n")[0].split(separator: "\n").dropFirst()
        let suites = try Self.suites()
        for row in rows {
            let cells = row.split(separator: "|").map(String.init)
            try #require(cells.count == 4, "\(row)")
            let named = cells[3].matches(of: /`(\w+)`/).map { String($0.1) }
            #expect(!named.isEmpty, "\(cells[0]) has no test")
            #expect(Set(named).subtracting(suites) == [], "\(cells[0]) names tests that do not exist")
        }
        #expect(rows.count > 10)
    }

    /// The types of all files with tests in `Tests`.
    private static func suites() throws -> Set<String> {
        let folder = packageRoot.appendingPathComponent("Tests")
        var suites: Set<String> = []
        for case let url as URL in try #require(
            FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil))
        where url.lastPathComponent.hasSuffix("Tests.swift") {
            let text = try String(contentsOf: url, encoding: .utf8)
            guard text.contains("@Test") else { continue }
            let types = text.matches(of: /(?m)^(?:@Suite.*)?(?:final )?(?:struct|class) (\w+)/)
            suites.formUnion(types.map { String($0.1) })
        }
        return suites
    }
}
