// Part of socketio-server, MIT licence; see LICENSE.

internal import Foundation
internal import Testing

/// What keeps everything on its event loop is the compiler, and these are the ways around it. Each place that takes one stands
/// here; a new one needs a proof in its comment, and a reason why `LoopReference` or `LoopBound` does not do.
@Suite struct LoopRulesTests {
    private static let places = [
        // The crossings: an object, and a value that costs no allocation.
        "LoopConfinement/LoopBound.swift": 1,
        "LoopConfinement/LoopReference.swift": 1,
        // NIO wants a `Sendable` allocator for what it asks on one event loop only, once for each read.
        "HTTPServerCore/Connection/ReceiveBufferPool.swift": 1,
        // What changes is touched on the connection's loop only; an object for it would cost each request an allocation.
        "HTTPServerCore/Connection/HTTPExchange.swift": 1,
        // Lives on two event loops when it cannot be moved to its session's: TLS.
        "EngineIOServer/Transport/WebSocketTransport.swift": 1,
        // Who claims it, an atomic step, has it alone; a lock would cost each event.
        "SocketIOServer/Emit/AckResponder.swift": 1,
        // A table of C functions, which nobody changes.
        "HiredisNIO/RESPReaderFunctions.swift": 1,
        // Handed over to a thread, which the compiler cannot see of Foundation's `Thread`.
        "socketio-load/Run/LoadRun.swift": 1,
    ]

    /// At most eight ways around in the whole package.
    @Test func fewPlacesGoAround() {
        #expect(Self.places.values.reduce(0, +) <= 8)
    }

    /// What lives on an event loop must not be `Sendable`, or the compiler would let it go.
    @Test func residentsAreNotSendable() throws {
        let sources = packageRoot.appendingPathComponent("Sources")
        let paths = FileManager.default.enumerator(at: sources, includingPropertiesForKeys: nil)
        var residents = 0
        for case let file as URL in paths?.allObjects ?? [] where file.pathExtension == "swift" {
            let text = try String(contentsOf: file, encoding: .utf8)
            for match in text.matches(of: /class (\w+)[^{\n]*\bLoopResident\b[^{\n]*/) {
                residents += 1
                #expect(!match.output.0.contains("Sendable"), "\(match.output.1)")
            }
        }
        #expect(residents >= 10)
    }

    @Test func theCompilerKeepsTheLoopsApart() throws {
        let sources = packageRoot.appendingPathComponent("Sources")
        let ways = /@unchecked Sendable(?!`)|nonisolated\(unsafe\)|UnsafeUnchecked\(|@preconcurrency/
        var found: [String: Int] = [:]
        let paths = FileManager.default.enumerator(at: sources, includingPropertiesForKeys: nil)
        for case let file as URL in paths?.allObjects ?? [] where file.pathExtension == "swift" {
            let count = try String(contentsOf: file, encoding: .utf8).matches(of: ways).count
            if count > 0 { found[String(file.path.dropFirst(sources.path.count + 1))] = count }
        }
        #expect(found == Self.places)
    }
}
