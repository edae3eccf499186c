// Part of socketio-server, MIT licence; see LICENSE.

import EngineIOServer
import NIOCore
import SocketIOServer
import SocketIOTesting
import Testing

/// The cases of the Socket.IO v5 protocol suite, under their names there (protocol 9), on the conformance server's
/// `protocol` application and on one, two and four event loops.
@Suite("Socket.IO v5 protocol")
struct SocketProtocolTests {
    static let loops = [1, 2, 4]

    // MARK: connect

    @Test("connect: should allow connection to the main namespace", arguments: loops)
    func mainNamespace(loops: Int) async throws {
        try await withSocket(loops) { socket in
            try await socket.send("40")
            try await expectConnected(socket, "40")
            #expect(try await text(socket) == #"42["auth",{}]"#)
        }
    }

    @Test("connect: should allow connection to the main namespace with a payload", arguments: loops)
    func mainNamespaceWithAuth(loops: Int) async throws {
        try await withSocket(loops) { socket in
            try await socket.send(#"40{"token":"123"}"#)
            try await expectConnected(socket, "40")
            #expect(try await text(socket) == #"42["auth",{"token":"123"}]"#)
        }
    }

    @Test("connect: should allow connection to a custom namespace", arguments: loops)
    func customNamespace(loops: Int) async throws {
        try await withSocket(loops) { socket in
            try await socket.send("40/custom,")
            try await expectConnected(socket, "40/custom,")
            #expect(try await text(socket) == #"42/custom,["auth",{}]"#)
        }
    }

    @Test("connect: should allow connection to a custom namespace with a payload", arguments: loops)
    func customNamespaceWithAuth(loops: Int) async throws {
        try await withSocket(loops) { socket in
            try await socket.send(#"40/custom,{"token":"abc"}"#)
            try await expectConnected(socket, "40/custom,")
            #expect(try await text(socket) == #"42/custom,["auth",{"token":"abc"}]"#)
        }
    }

    @Test("connect: should disallow connection to an unknown namespace", arguments: loops)
    func unknownNamespace(loops: Int) async throws {
        try await withSocket(loops) { socket in
            try await socket.send("40/random")
            #expect(try await text(socket) == #"44/random,{"message":"Invalid namespace"}"#)
        }
    }

    @Test("connect: should disallow connection with an invalid handshake", arguments: loops)
    func invalidHandshake(loops: Int) async throws {
        try await withSocket(loops) { socket in
            try await socket.send("4abc")
            _ = try await socket.closeCode()
        }
    }

    @Test("connect: should close the connection if no handshake is received", arguments: loops)
    func noHandshake(loops: Int) async throws {
        try await withSocket(loops) { socket in
            let start = ContinuousClock.now
            let answering = Task {
                while true { if try await socket.nextText() == "2" { try await socket.send("3") } }
            }
            try await socket.connection.waitUntilClosed(within: .seconds(5))
            answering.cancel()
            #expect(start.duration(to: .now) > .milliseconds(800), "connectTimeout is 1000 ms")
        }
    }

    // MARK: disconnect

    @Test("disconnect: should disconnect from the main namespace", arguments: loops)
    func leaveMainNamespace(loops: Int) async throws {
        try await withSocket(loops) { socket in
            try await socket.send("40")
            try await expectConnected(socket, "40")
            #expect(try await text(socket).hasPrefix("42"))
            try await socket.send("41")
            // No answer, and the session goes on: the next thing is a ping.
            #expect(try await socket.nextText() == "2")
            try await socket.send("3")
            #expect(try await socket.nextText() == "2")
        }
    }

    @Test("disconnect: should connect then disconnect from a custom namespace", arguments: loops)
    func leaveCustomNamespace(loops: Int) async throws {
        try await withSocket(loops) { socket in
            try await socket.send("40")
            try await expectConnected(socket, "40")
            #expect(try await text(socket).hasPrefix("42"))
            try await socket.send("40/custom")
            try await expectConnected(socket, "40/custom,")
            #expect(try await text(socket).hasPrefix("42/custom,"))
            try await socket.send("41/custom")
            try await socket.send(#"42["message","message to main namespace"]"#)
            #expect(try await text(socket) == #"42["message-back","message to main namespace"]"#)
        }
    }

    // MARK: message

    @Test("message: should send a plain-text packet", arguments: loops)
    func plainText(loops: Int) async throws {
        try await withConnected(loops) { socket in
            try await socket.send(#"42["message",1,"2",{"3":[true]}]"#)
            #expect(try await text(socket) == #"42["message-back",1,"2",{"3":[true]}]"#)
        }
    }

    @Test("message: should send a packet with binary attachments", arguments: loops)
    func binary(loops: Int) async throws {
        try await withConnected(loops) { socket in
            try await socket.send(
                #"452-["message",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]"#)
            try await socket.send([1, 2, 3])
            try await socket.send([4, 5, 6])
            #expect(
                try await text(socket)
                    == #"452-["message-back",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]"#)
            #expect(try await message(socket) == .binary([1, 2, 3]))
            #expect(try await message(socket) == .binary([4, 5, 6]))
        }
    }

    @Test("message: should send a plain-text packet with an ack", arguments: loops)
    func plainTextWithAck(loops: Int) async throws {
        try await withConnected(loops) { socket in
            try await socket.send(#"42456["message-with-ack",1,"2",{"3":[false]}]"#)
            #expect(try await text(socket) == #"43456[1,"2",{"3":[false]}]"#)
        }
    }

    @Test("message: should send a packet with binary attachments and an ack", arguments: loops)
    func binaryWithAck(loops: Int) async throws {
        try await withConnected(loops) { socket in
            try await socket.send(
                #"452-789["message-with-ack",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]"#)
            try await socket.send([1, 2, 3])
            try await socket.send([4, 5, 6])
            #expect(
                try await text(socket) == #"462-789[{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]"#)
            #expect(try await message(socket) == .binary([1, 2, 3]))
            #expect(try await message(socket) == .binary([4, 5, 6]))
        }
    }

    @Test(
        "message: should close the connection upon invalid format",
        arguments: loops, ["4abc", "42{}", #"42abc["message-with-ack",1,"2",{"3":[false]}]"#])
    func invalidFormat(loops: Int, packet: String) async throws {
        try await withConnected(loops) { socket in
            try await socket.send(packet)
            _ = try await socket.closeCode()
        }
    }

    // MARK: helpers

    private func withSocket(_ loops: Int, _ body: @Sendable (WebSocketTestClient) async throws -> Void) async throws {
        // No ping time-out on a slow machine: none of these cases is about it.
        try await ServerUnderTest.protocolSuite(loops: loops, configure: { $0.engine.pingTimeout = .seconds(20) }) {
            address in
            let socket = try await WebSocketTestClient.connect(
                to: address, path: "/socket.io/?EIO=4&transport=websocket")
            #expect(try await socket.nextText().hasPrefix("0{"))
            try await body(socket)
            await socket.connection.close()
        }
    }

    private func withConnected(
        _ loops: Int, _ body: @Sendable (WebSocketTestClient) async throws -> Void
    ) async throws {
        try await withSocket(loops) { socket in
            try await socket.send("40")
            try await expectConnected(socket, "40")
            #expect(try await text(socket) == #"42["auth",{}]"#)
            try await body(socket)
        }
    }

    private func expectConnected(_ socket: WebSocketTestClient, _ prefix: String) async throws {
        let answer = try await text(socket)
        #expect(answer.hasPrefix(prefix + "{"), "\(answer)")
        let payload = try TestValue(json: String(answer.dropFirst(prefix.count)))
        #expect(payload["sid"]?.string?.count == 20)
    }

    /// The next message that is no ping; pings are answered.
    private func message(_ socket: WebSocketTestClient) async throws -> WebSocketTestMessage {
        while true {
            let message = try await socket.next()
            guard message == .text("2") else { return message }
            try await socket.send("3")
        }
    }

    private func text(_ socket: WebSocketTestClient) async throws -> String {
        let message = try await message(socket)
        guard case .text(let text) = message else { throw TestClientError.unexpected("\(message)") }
        return text
    }
}
