// Part of socketio-server, MIT licence; see LICENSE.

internal import Foundation
internal import Glibc
internal import HTTPTesting
internal import NIOCore
internal import NIOPosix
internal import Testing

@testable internal import EngineIOServer
@testable internal import HTTPServerCore

/// What has arrived with a connection is read when the connection is accepted, past NIO. Whatever that is, the client is served as if it
/// had come later.
@Suite("The first read of a connection")
struct FirstReadTests {
    private static let get = "GET /socket.io/ HTTP/1.1\r\nHost: x\r\n\r\n"

    /// A client that has connected and sent `text` before the server's only event loop could accept it.
    private static func early(
        _ server: TestServer, _ text: String, then: @escaping @Sendable (RawReader) throws -> Void = { _ in }
    ) async throws -> RawReader {
        let port = server.listener.port ?? 0
        return try await server.group.next().submit {
            let reader = try RawReader(port: port, receiveBuffer: 65_536, request: text)
            try then(reader)
            return reader
        }.get()
    }

    private static func answers(_ reader: RawReader, _ count: Int) async throws -> [String] {
        reader.read(atATime: 4096)
        return try await eventually("\(count) answers", within: 30) {
            let answers = String(decoding: reader.received, as: UTF8.self).answers()
            return answers.count >= count ? answers.map(\.body) : nil
        }
    }

    @Test func oneRequestAndSeveral() async throws {
        try await TestServer.with(engine: ScriptedEngine(buffer: ReceiveBufferPool())) { server in
            for count in [1, 2, 700] {
                let reader = try await Self.early(server, String(repeating: Self.get, count: count))
                let answers = try await Self.answers(reader, count)
                #expect(answers == Array(repeating: "GET /socket.io/", count: count))
                reader.close()
            }
        }
    }

    @Test(arguments: [1, 15, 16, 17, 40])
    func theRestComesLater(cut: Int) async throws {
        try await TestServer.with(engine: ScriptedEngine(buffer: ReceiveBufferPool())) { server in
            let reader = try await Self.early(server, String(Self.get.prefix(cut)))
            try await eventually("the connection") { server.listener.connectionCount == 1 }
            try reader.send(String(Self.get.dropFirst(cut)) + Self.get)
            #expect(try await Self.answers(reader, 2) == ["GET /socket.io/", "GET /socket.io/"])
            reader.close()
        }
    }

    /// The end, or a reset, is there before the connection is accepted.
    @Test(arguments: [false, true])
    func theClientHasGone(resets: Bool) async throws {
        let engine = ScriptedEngine(buffer: ReceiveBufferPool())
        try await TestServer.with(engine: engine) { server in
            for text in [Self.get, "GET /soc", ""] {
                let reader = try await Self.early(server, text) { if resets { try $0.reset() } else { $0.close() } }
                let other = try await SessionWire.connect(port: server.listener.port ?? 0)
                #expect(try await other.get("/socket.io/other").status == 200)
                other.close()
                try await eventually("nobody") { server.listener.connectionCount == 0 }
                _ = reader
            }
        }
    }

    /// On another event loop than the listener's, and on the same, which NIO's bootstrap has nothing to do with.
    @Test(arguments: [1, 3])
    func everyLoopServes(loops: Int) async throws {
        try await SessionTestServer.run(loops: loops) { server in
            for _ in 0..<(4 * loops) {
                let wire = try await server.connect()
                let session = try #require(server.session(try await server.openWebSocket(wire)))
                try await wire.sendText("4hello")
                #expect(try await wire.text() == "4hello")
                #expect(session.handshake.remoteAddress == "127.0.0.1")
            }
        }
    }

    /// A PROXY header in front of the request is for the handler before.
    @Test func aProxyHeaderIsSeen() async throws {
        let engine = ScriptedEngine(buffer: ReceiveBufferPool()) { $0.respond(.text($0.request.clientAddress)) }
        try await TestServer.with(
            engine: engine,
            configure: {
                $0.proxyProtocol = true
                $0.trustedProxies = ["127.0.0.1"]
            },
            { server in
                let reader = try await Self.early(server, "PROXY TCP4 192.0.2.9 192.0.2.1 4711 80\r\n" + Self.get)
                #expect(try await Self.answers(reader, 1) == ["192.0.2.9"])
                reader.close()
            })
    }
}
