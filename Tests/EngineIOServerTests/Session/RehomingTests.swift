// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import Foundation
internal import Glibc
internal import MetricTesting
internal import NIOCore
internal import Testing

@testable internal import EngineIOServer

/// Upgrades that arrive on another loop than the session's (decisions 4).
@Suite(.serialized) struct RehomingTests {
    typealias Server = SessionTestServer

    /// Descriptors of this process whose sockets are at the port of the server: its listener and its ends of connections, also
    /// of those that the client has reset.
    private static func openDescriptors(_ server: Server) throws -> Int {
        try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count { name in
            guard let descriptor = CInt(name) else { return false }
            // The fields of `sockaddr_in` belong to whichever module has imported it first: these are its bytes.
            var address = [UInt8](repeating: 0, count: 16)
            var length = socklen_t(address.count)
            let code = address.withUnsafeMutableBytes {
                $0.withMemoryRebound(to: sockaddr.self) { getsockname(descriptor, $0.baseAddress, &length) }
            }
            return code == 0 && address[0] == UInt8(AF_INET) && Int(address[2]) << 8 | Int(address[3]) == server.port
        }
    }

    /// Whether the session's WebSocket shares its loop; nil while it has none.
    private static func isLocal(_ server: Server, _ sid: String) async throws -> Bool? {
        guard let session = server.session(sid) else { return nil }
        return try await session.inside { session in (session.activeTransport as? WebSocketTransport)?.isLocal }
    }

    @Test(arguments: [2, 4])
    func everyUpgradedConnectionEndsUpAtHome(loops: Int) async throws {
        try await Server.run(loops: loops) { server in
            try await withThrowingTaskGroup(of: Void.self) { tasks in
                for client in 0..<100 {
                    tasks.addTask {
                        let http = try await server.connect()
                        let sid = try await server.openPolling(http)
                        let socket = try await server.connect()
                        // The probe comes with the request, or split anywhere.
                        let request = Array(SessionWire.upgradeRequest(Server.target("websocket", sid)).utf8)
                        let bytes = request + SessionWire.text("2probe")
                        let cut = client * bytes.count / 100
                        try await socket.send(Array(bytes[..<cut]))
                        try await socket.send(Array(bytes[cut...]))
                        #expect(try await socket.response().status == 101)
                        #expect(try await socket.text() == "3probe")
                        var burst = SessionWire.text("5")
                        for number in 0..<50 { burst += SessionWire.text("4\(number)") }
                        try await socket.send(burst)
                        for number in 0..<50 { #expect(try await socket.text() == "4\(number)") }
                        #expect(try await Self.isLocal(server, sid) == true)
                        for number in 0..<20 {
                            try await socket.sendText("4echo \(number)")
                            #expect(try await socket.text() == "4echo \(number)")
                        }
                        socket.close()
                        http.close()
                    }
                }
                try await tasks.waitForAll()
            }
            try await eventually("all sessions closed") { server.engine.clientsCount == 0 }
        }
    }

    @Test func leavesNoDescriptorBehind() async throws {
        try await Server.run(loops: 2) { server in
            func round() async throws {
                for client in 0..<40 {
                    let http = try await server.connect()
                    let sid = try await server.openPolling(http)
                    let socket = try await server.connect()
                    try await socket.send(SessionWire.upgradeRequest(Server.target("websocket", sid)))
                    // Some are gone while they are being moved.
                    if client % 4 != 0 {
                        #expect(try await socket.response().status == 101)
                        try await socket.send(SessionWire.text("2probe") + SessionWire.text("5"))
                        #expect(try await socket.text() == "3probe")
                    }
                    socket.close()
                    http.close()
                    try await socket.channel.closeFuture.get()
                    try await http.channel.closeFuture.get()
                    server.session(sid)?.close(discard: true)
                }
                try await eventually("all sessions closed") { server.engine.clientsCount == 0 }
            }
            for _ in 0..<2 { try await round() }
            // The listener is left.
            try await eventually("descriptors returned") { try Self.openDescriptors(server) == 1 }
        }
    }

    @Test(arguments: [1, 2]) func aKeptConnectionMovesToo(loops: Int) async throws {
        try await CountedMetrics.counting { (metrics: CountedMetrics) async throws in
            try await Self.moveKeptConnections(loops: loops)
            // Connections are accepted by the loops in turn, so the second of each pair is on another loop, if there is one.
            #expect(metrics["engineio_rehomed_connections_total"] == (loops == 1 ? 0 : 4))
        }
    }

    private static func moveKeptConnections(loops: Int) async throws {
        try await Server.run(loops: loops) { server in
            for _ in 0..<4 {
                let (http, other) = (try await server.connect(), try await server.connect())
                let sid = try await server.openPolling(http)
                // The connection has served requests on its loop before it becomes the WebSocket.
                #expect(try await other.post(Server.target("polling", sid), "4a").body == "ok")
                #expect(try await other.get(Server.target("polling", sid)).body == "4a")
                #expect(try await other.upgrade(Server.target("websocket", sid)).status == 101)
                try await other.send(SessionWire.text("2probe") + SessionWire.text("5") + SessionWire.text("4b"))
                #expect(try await other.text() == "3probe")
                #expect(try await other.text() == "4b")
                #expect(try await Self.isLocal(server, sid) == true)
            }
        }
    }

    @Test func anEndOfStreamBehindTheRequestIsHeard() async throws {
        try await Server.run(loops: 2) { server in
            for _ in 0..<20 {
                let http = try await server.connect()
                let sid = try await server.openPolling(http)
                let socket = try await server.connect()
                let bytes = Array(SessionWire.upgradeRequest(Server.target("websocket", sid)).utf8)
                try await socket.send(bytes + SessionWire.text("2probe"))
                try await socket.channel.close(mode: .output).get()
                _ = try await socket.receiveEnd()
                // The candidate is gone, before or after its 101; the session goes on.
                try await eventually("the candidate's end") {
                    let session = server.session(sid)
                    return try await session?.inside { $0.upgradeAttempt == nil } ?? false
                }
                #expect(try await http.post(Server.target("polling", sid), "4x").body == "ok")
                #expect(try await http.get(Server.target("polling", sid)).body == "4x")
            }
        }
    }
}
