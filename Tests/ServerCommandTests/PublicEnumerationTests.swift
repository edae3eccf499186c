// Part of socketio-server, MIT licence; see LICENSE.

internal import Foundation
internal import Testing

/// Public enumerations with raw values can be arguments of events and members of an application's own `Codable` types.
@Suite struct PublicEnumerationTests {
    @Test func everyRawValueIsCodable() throws {
        let sources = packageRoot.appendingPathComponent("Sources")
        let paths = FileManager.default.enumerator(at: sources, includingPropertiesForKeys: nil)
        var count = 0
        for case let file as URL in paths?.allObjects ?? [] where file.pathExtension == "swift" {
            let text = try String(contentsOf: file, encoding: .utf8)
            for match in text.matches(of: /public enum (\w+): (?:String|Int)\b([^{]*)/) {
                count += 1
                #expect(match.2.contains("Codable"), "\(match.1) in \(file.lastPathComponent)")
            }
        }
        #expect(count >= 20)
    }
}
