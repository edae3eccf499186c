// Part of socketio-server, MIT licence; see LICENSE.

internal import Testing

/// `docs/coming-from-node.md` shows only what compiles. That its settings exist is a test of `ServerCommandTests`.
@Suite struct CheatSheetTests {
    private static let sections = [
        "Server", "Emitting", "Receiving", "Rooms and sockets", "Namespaces", "The socket", "The engine",
        "Several servers",
    ]

    @Test(arguments: sections)
    func everyExpressionCompiles(section: String) throws {
        let page = try Pages.text("docs/coming-from-node.md")
        let compiled = Self.code(of: try Pages.text("Tests/DocumentTests/CheatSheet.swift"))
        let rows = Pages.rows(in: page, below: section).dropFirst()
        #expect(rows.count >= 7)
        for row in rows {
            #expect(row.count == 3 || row.count == 2, "\(row)")
            let ours = Pages.code(in: row[1])
            #expect(!ours.isEmpty || row[1] == "–", "\(row)")
            for expression in ours {
                let isThere = compiled.contains { $0.contains(expression) }
                #expect(isThere, "not compiled: \(expression)")
            }
        }
    }

    @Test func everyPropertyOfTheTableOfOptionsCompiles() throws {
        let page = try Pages.text("docs/coming-from-node.md")
        let compiled = Self.code(of: try Pages.text("Tests/DocumentTests/CheatSheet.swift")).joined(separator: " ")
        let rows = Pages.rows(in: page, below: "Options of the server").dropFirst()
        #expect(rows.count > 40)
        for property in rows.flatMap({ Pages.code(in: $0[1]) }) {
            let isThere =
                compiled.contains("configuration.\(property),") || compiled.contains("configuration.\(property) ")
            #expect(isThere, "not compiled: \(property)")
        }
    }

    @Test func theProgramCompiles() throws {
        let blocks = Pages.blocks("swift", in: try Pages.text("docs/coming-from-node.md"))
        #expect(blocks.count == 1)
        let source = try Pages.text("Tests/DocumentTests/CheatSheet.swift")
        for block in blocks {
            let isThere = Pages.isCompiled(block, in: [source])
            #expect(isThere, "not compiled: \(block)")
        }
    }

    @Test func theProgramOfTheReadmeCompiles() throws {
        let program = try #require(Pages.blocks("swift", in: try Pages.text("README.md")).first)
        let source = try Pages.text("Tests/DocumentTests/CheatSheet.swift")
        let isThere = Pages.isCompiled(program, in: [source])
        #expect(isThere, "not compiled: \(program)")
    }

    /// The lines of a source that are no comments.
    private static func code(of source: String) -> [String] {
        Pages.lines(source).filter { !$0.hasPrefix("//") }
    }
}
