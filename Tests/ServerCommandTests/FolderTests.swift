// Part of socketio-server, MIT licence; see LICENSE.

internal import Foundation
internal import Testing

/// `docs/architecture.md` names the folders of the targets, and no others.
@Suite struct FolderTests {
    @Test func thePageNamesEveryFolder() throws {
        let page = try String(
            contentsOf: packageRoot.appendingPathComponent("docs/architecture.md"), encoding: .utf8)
        let table = try #require(page.components(separatedBy: "| target | folders |").dropFirst().first)
        var named: Set<String> = []
        for row in table.components(separatedBy: "\n\n")[0].split(separator: "\n").dropFirst() {
            let names = row.matches(of: /`([^`]+)`/).map { String($0.1) }
            let target = try #require(names.first)
            named.formUnion(names.dropFirst().map { "\(target)/\($0)" })
        }
        let folders = try Self.folders()
        #expect(folders.count > 50)
        #expect(named.subtracting(folders) == [], "these are not there")
        #expect(folders.subtracting(named) == [], "the page does not name these")
    }

    /// The folders of all targets, without those of resources.
    private static func folders() throws -> Set<String> {
        let sources = packageRoot.appendingPathComponent("Sources").resolvingSymlinksInPath()
        let all = try #require(
            FileManager.default.enumerator(at: sources, includingPropertiesForKeys: [.isDirectoryKey]))
        var folders: Set<String> = []
        for case let url as URL in all where try url.resourceValues(forKeys: [.isDirectoryKey]).isDirectory == true {
            let path = url.resolvingSymlinksInPath().path.dropFirst(sources.path.count + 1)
            guard path.contains("/"), url.lastPathComponent != "Resources" else { continue }
            folders.insert(String(path))
        }
        return folders
    }
}
