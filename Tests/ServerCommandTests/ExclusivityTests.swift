// Part of socketio-server, MIT licence; see LICENSE.

internal import Foundation
internal import Testing

/// Checks of overlapping access are off where docs/decisions.md, section 7, says which counted loop needs it, and nowhere else.
@Suite struct ExclusivityTests {
    private static let files: Set<String> = [
        "HTTPServerCore/Codec/DateHeader.swift", "HTTPServerCore/Connection/HTTPConnectionHandler.swift",
        "HTTPServerCore/Connection/HTTPExchange.swift", "HTTPServerCore/Connection/HTTPLoopSettings.swift",
        "HTTPServerCore/Connection/HTTPTransaction.swift", "HTTPServerCore/Connection/ReceiveBufferPool.swift",
        "EngineIOServer/Session/SessionCore.swift", "EngineIOServer/Session/Leftover.swift",
        "EngineIOServer/Shard/OutboundQueue.swift", "EngineIOServer/Shard/ShardCore.swift",
        "EngineIOServer/Shard/SlowClientList.swift",
        "EngineIOServer/Transport/PollingTransport.swift",
        "EngineIOServer/Transport/AssemblerPool.swift", "SocketIOCore/Value/Encoding/EncoderCore.swift",
        "SocketIOCore/Value/Decoding/PayloadCore.swift", "SocketIOServer/Client/Client.swift",
        "SocketIOServer/Emit/AckResponder.swift", "SocketIOServer/Shard/ShardContext.swift",
        "SocketIOServer/Socket/SharedHandlerLayout.swift", "SocketIOServer/Socket/SocketCore.swift",
    ]

    @Test func checksAreOffOnlyWhereItIsSaid() throws {
        let sources = packageRoot.appendingPathComponent("Sources")
        let names = try #require(FileManager.default.enumerator(atPath: sources.path)).compactMap { $0 as? String }
        var found: Set<String> = []
        for name in names where name.hasSuffix(".swift") && !name.hasPrefix("socketio-load/") {
            let text = try String(contentsOf: sources.appendingPathComponent(name), encoding: .utf8)
            if text.contains("@exclusivity(unchecked)") { found.insert(name) }
        }
        #expect(found == Self.files)
        let decisions = try String(
            contentsOf: packageRoot.appendingPathComponent("docs/decisions.md"), encoding: .utf8)
        for file in Self.files {
            let name = String(file.split(separator: "/")[file.split(separator: "/").count - 1].dropLast(6))
            #expect(decisions.contains(name), "decisions.md does not say why \(file) is unchecked")
        }
    }
}
