// Part of socketio-server, MIT licence; see LICENSE.

internal import Foundation
internal import Testing

/// `docs/security.md` names the tests that stand for what it says: they exist.
@Suite struct SecurityDocumentTests {
    /// All test sources, by file name without extension, and all of it in one text.
    private static func tests() throws -> (files: [String: String], all: String) {
        let root = packageRoot.appendingPathComponent("Tests")
        var files: [String: String] = [:]
        for path in FileManager.default.enumerator(at: root, includingPropertiesForKeys: nil)?.allObjects ?? [] {
            guard let file = path as? URL, ["swift", "py", "js", "sh"].contains(file.pathExtension) else { continue }
            let name = file.pathExtension == "swift" ? file.deletingPathExtension().lastPathComponent : file.path
            files[name] = try String(contentsOf: file, encoding: .utf8)
        }
        return (files, files.values.joined(separator: "\n"))
    }

    @Test func testsAreNamedThatExist() throws {
        let text = try String(contentsOf: packageRoot.appendingPathComponent("docs/security.md"), encoding: .utf8)
        let (files, all) = try Self.tests()
        var suite = ""
        var count = 0
        for match in text.matches(of: /`([^`]+)`(?: "([^"]+)")?/) {
            let name = String(match.1)
            if let found = name.wholeMatch(of: /(\w+Tests)(?:\.(\w+))?/) {
                suite = String(found.1)
                let isTarget = FileManager.default.fileExists(
                    atPath: packageRoot.appendingPathComponent("Tests/\(suite)").path)
                // A suite may be spread over several files, or stand in one with another name.
                #expect(
                    isTarget || files[suite] != nil || all.contains("struct \(suite)"), "\(suite) does not exist")
                if let function = found.2 { #expect(all.contains("func \(function)("), "\(name)") }
                count += 1
            } else if let found = name.wholeMatch(of: /\.(\w+)/), files[suite] != nil {
                #expect(all.contains("func \(found.1)("), "\(suite)\(name)")
                count += 1
            } else if name.hasSuffix(".py") || name.hasSuffix(".sh") {
                let path = name.hasPrefix("Tests/") ? name : "Tests/EndToEndTests/" + name
                let file = packageRoot.appendingPathComponent(path).path
                #expect(FileManager.default.fileExists(atPath: file), "\(path)")
                count += 1
            }
            if let title = match.2, name.hasSuffix("Tests") {
                #expect(all.contains("\"\(title)"), "\(name) \"\(title)\"")
            }
        }
        #expect(count > 80, "\(count)")
    }

    /// Numbered attacks are named like the tests of `Tests/ConformanceTests/Attacks`.
    @Test func attacksAreNumberedAsTheirTests() throws {
        let text = try String(contentsOf: packageRoot.appendingPathComponent("docs/security.md"), encoding: .utf8)
        let numbers = Set(text.matches(of: /\battack (\d+)/).compactMap { Int($0.1) })
        #expect(numbers.count > 20)
        let (_, all) = try Self.tests()
        for number in numbers.sorted() {
            let isNamed = ["@Test(\"\(number): ", "@Test(\"\(number) and ", " and \(number): "].contains {
                all.contains($0)
            }
            #expect(isNamed, "attack \(number)")
        }
    }
}
