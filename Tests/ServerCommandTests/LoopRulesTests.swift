// Part of socketio-server, MIT licence; see LICENSE.

internal import Foundation
internal import Testing

/// What keeps the parts over Redis on their event loops is the compiler, and these are the ways around it. Each place that takes
/// one stands here; a new one needs a proof in its comment, and a reason why `LoopBound` does not do.
@Suite struct LoopRulesTests {
    private static let folders = ["LoopConfinement", "HiredisNIO", "SocketIORedis"]
    private static let places = [
        "LoopConfinement/LoopBound.swift": 1,
        // A table of C functions, which nobody changes.
        "HiredisNIO/RESPReaderFunctions.swift": 1,
    ]

    @Test func theCompilerKeepsTheLoopsApart() throws {
        let sources = packageRoot.appendingPathComponent("Sources")
        let ways = /@unchecked Sendable(?!`)|nonisolated\(unsafe\)|UnsafeUnchecked\(|@preconcurrency/
        var found: [String: Int] = [:]
        for folder in Self.folders {
            let root = sources.appendingPathComponent(folder)
            let paths = FileManager.default.enumerator(at: root, includingPropertiesForKeys: nil)
            for case let file as URL in paths?.allObjects ?? [] where file.pathExtension == "swift" {
                let count = try String(contentsOf: file, encoding: .utf8).matches(of: ways).count
                if count > 0 { found[String(file.path.dropFirst(sources.path.count + 1))] = count }
            }
        }
        #expect(found == Self.places)
    }
}
